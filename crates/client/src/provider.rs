//! What a provider does: prove, share, submit, leave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mpctls::protocol::Proven;
use mpctls::source::Secrets;
use mpctls::{Mode, NotaryKey};
use rustls::RootCertStore;
use survey::definition::Field;
use survey::wire::{Queued, SubmissionStatus};
use survey::{Id, Identity, Receipt, Submission, Survey, Value};
use tokio::runtime::Handle;

use crate::error::ClientError;
use crate::open::OpenSurvey;
use crate::session::{Session, User};

/// The pause between two questions for a receipt.
const POLL: Duration = Duration::from_millis(300);

/// The public certificate authorities.
pub fn public_roots() -> Arc<RootCertStore> {
    Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

/// What a provider brings along.
pub struct Provider {
    /// What the source asks for, as far as it is known beforehand: keys, cookies.
    pub secrets: Secrets,
    /// The values of self-reported fields, by name.
    pub typed: BTreeMap<String, String>,
    /// How to share the work with the notary; the survey's first choice if left out.
    pub mode: Option<Mode>,
    /// Where the notary listens (`host:port`), if not where the survey says.
    pub notary: Option<String>,
    /// The certificate authorities trusted for the website.
    pub roots: Arc<RootCertStore>,
}

/// Where a submission stands, for progress bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// In the queue, behind so many others.
    Queued(u64),
    /// All three parties accepted it.
    Accepted,
}

/// A proven and shared submission, ready to be sent.
pub struct Prepared {
    /// What is sent.
    pub submission: Submission,
    /// Its digest.
    pub digest: Id,
}

impl Provider {
    /// Proves the survey's values and shares them; `user` is asked and told on the way.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn prepare(
        &self,
        survey: &OpenSurvey,
        user: impl User + Send + 'static,
    ) -> Result<Prepared, ClientError> {
        survey.definition().check_open(now())?;
        // What was typed is checked before the website is troubled.
        self.typed_windows(survey)?;
        let key = Identity::generate();
        let proven = self.prove(survey, &key, user).await?;
        let values = self.values(survey, &proven)?;
        let session = proven.verified.session;
        let submission = Submission::new(survey.definition(), proven.attestation, &session, &values, &key)?;
        let digest = submission.digest()?;
        Ok(Prepared { submission, digest })
    }

    /// Runs the session with the notary.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn prove(
        &self,
        survey: &OpenSurvey,
        key: &Identity,
        mut user: impl User + Send + 'static,
    ) -> Result<Proven, ClientError> {
        let definition = survey.definition();
        let (notary, address) = choose_notary(definition, self.notary.as_deref())?;
        let session = Session {
            source: definition.source.clone(),
            survey: survey.id.0,
            provider_key: key.public().0,
            notary,
            address,
            mode: self.mode.or_else(|| definition.modes.first().copied()).unwrap_or(Mode::Mpc),
            roots: self.roots.clone(),
        };
        let (secrets, runtime) = (self.secrets.clone(), Handle::current());
        let running = tokio::task::spawn_blocking(move || session.run(secrets, &runtime, &mut user));
        running.await.unwrap_or_else(|_| Err(ClientError::ended("the prover")))
    }

    /// What is shared of a proven session: every field's window and blinder, in the survey's order.
    ///
    /// # Errors
    /// [`ClientError::Typed`] if a value is missing or too long.
    pub fn values(&self, survey: &OpenSurvey, proven: &Proven) -> Result<Vec<Value>, ClientError> {
        values(&survey.definition().fields, proven, &self.typed_windows(survey)?)
    }

    /// The windows of the self-reported fields, in the survey's order.
    fn typed_windows(&self, survey: &OpenSurvey) -> Result<Vec<Vec<u8>>, ClientError> {
        let definition = survey.definition();
        let fields = definition.fields.iter().filter(|field| field.self_reported);
        fields
            .map(|field| {
                let typed = |why: &str| ClientError::Typed { field: field.name.clone(), why: why.to_owned() };
                let text =
                    self.typed.get(&field.name).ok_or_else(|| typed("this survey asks for a value"))?;
                let window = definition.typed_window(field, text);
                let window = window.ok_or_else(|| typed("the value is too long"))?;
                match definition.format(field).read(&window) {
                    Some(_) => Ok(window),
                    None => {
                        Err(typed("this is not a value that the survey takes: see `mpcstats survey check`"))
                    }
                }
            })
            .collect()
    }
}

/// The first notary of the survey whose key is valid now, and where it is: at `address`, or where the survey says.
///
/// # Errors
/// [`ClientError::Refused`] if there is none.
pub fn choose_notary(survey: &Survey, address: Option<&str>) -> Result<(NotaryKey, String), ClientError> {
    let usable = |key: &NotaryKey| {
        !key.revoked
            && key.not_after.is_none_or(|end| now() <= end)
            && key.not_before.is_none_or(|start| start <= now())
    };
    let mut listed = survey.notaries.iter().enumerate().filter(|(_, key)| usable(key));
    let found = listed.find_map(|(index, key)| {
        let address = address.map(str::to_owned).or_else(|| survey.notary_addresses.get(index).cloned())?;
        Some((key.clone(), address))
    });
    found.ok_or_else(|| {
        survey::Refusal::new(
            survey::Code::UnknownNotary,
            "the survey says of no valid notary where it listens: name one as host:port",
        )
        .into()
    })
}

/// Every field's window and blinder, in the survey's order.
fn values(fields: &[Field], proven: &Proven, typed: &[Vec<u8>]) -> Result<Vec<Value>, ClientError> {
    let mut typed = typed.iter();
    fields
        .iter()
        .map(|field| {
            if field.self_reported {
                let window = typed.next().cloned().unwrap_or_default();
                return Ok(Value { window, blinder: rand::random() });
            }
            let opening = proven.openings.iter().find(|opening| opening.field == field.name);
            let opening = opening.ok_or_else(|| {
                survey::Refusal::new(
                    survey::Code::InvalidAttestation,
                    format!("field {} is not proven", field.name),
                )
            })?;
            Ok(Value { window: opening.window.clone(), blinder: opening.blinder })
        })
        .collect()
}

/// Submits to the survey's coordinator. Sending the same again is harmless.
///
/// # Errors
/// [`ClientError`].
pub async fn submit(survey: &OpenSurvey, prepared: &Prepared) -> Result<Queued, ClientError> {
    survey.api.submit(&prepared.submission).await
}

/// Asks once for a submission's receipt and checks it. None while it is in the queue.
///
/// # Errors
/// [`ClientError::Refused`] if the parties refused the submission, or if the receipt does not verify.
pub async fn receipt(
    survey: &OpenSurvey,
    digest: &Id,
    progress: &impl Fn(Progress),
) -> Result<Option<Receipt>, ClientError> {
    match survey.api.submission(digest).await? {
        SubmissionStatus::Queued { position } => {
            progress(Progress::Queued(position));
            Ok(None)
        }
        SubmissionStatus::Accepted { receipt } => {
            receipt.verify_of(digest, &survey.id, &survey.definition().party_keys())?;
            progress(Progress::Accepted);
            Ok(Some(*receipt))
        }
        SubmissionStatus::Refused { refused, .. } => {
            let by = refused.party.map_or_else(
                || "refused by the three parties together".to_owned(),
                |party| format!("refused by party {party}"),
            );
            Err(survey::Refusal::new(refused.code, by).into())
        }
    }
}

/// Waits for a submission's receipt.
///
/// # Errors
/// As [`receipt`], and [`ClientError::Timeout`].
pub async fn wait_for_receipt(
    survey: &OpenSurvey,
    digest: &Id,
    patience: Duration,
    progress: impl Fn(Progress),
) -> Result<Receipt, ClientError> {
    let deadline = tokio::time::Instant::now() + patience;
    while tokio::time::Instant::now() < deadline {
        if let Some(receipt) = receipt(survey, digest, &progress).await? {
            return Ok(receipt);
        }
        tokio::time::sleep(POLL).await;
    }
    Err(ClientError::Timeout("the receipt"))
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Unix seconds.
pub(crate) fn now() -> u64 {
    now_ms() / 1000
}
