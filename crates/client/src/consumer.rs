//! What a consumer does: ask, collect what the three parties state, check it, put the result together.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use stats::{Outcome, Plan, ResultTable};
use survey::query::query_id;
use survey::wire::QueryStatus;
use survey::{Certificate, Choice, Code, Id, Identity, OpeningKey, Query, Refusal, Statement, Survey};

use crate::error::ClientError;
use crate::keys::Keys;
use crate::open::OpenSurvey;

/// The least time between two questions for a result. A coordinator holds its answer back while there is none.
const POLL: Duration = Duration::from_millis(200);

/// How many bytes encode one field element.
const ELEMENT: usize = 16;

/// A consumer's keys.
pub struct Consumer {
    /// Signs queries.
    pub identity: Identity,
    /// Opens results.
    pub opening: OpeningKey,
}

/// A result and what proves it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The parties' statement and the components of the result.
    pub certificate: Certificate,
    /// What they say.
    pub results: ResultTable,
}

impl Consumer {
    /// Reads a key file.
    ///
    /// # Errors
    /// See [`Keys::read`].
    pub fn read(keys: &Path) -> Result<Self, Refusal> {
        let Keys { identity, opening, .. } = Keys::read(keys)?;
        Ok(Self { identity, opening })
    }

    /// Asks and waits. Without `epochs`, over all closed ones.
    ///
    /// # Errors
    /// [`ClientError`]; [`Code::CohortTooSmall`] if no epoch has closed.
    pub async fn ask(
        &self,
        survey: &OpenSurvey,
        plan: Choice,
        epochs: Option<Vec<u64>>,
        patience: Duration,
    ) -> Result<Answer, ClientError> {
        let epochs = match epochs {
            Some(epochs) => epochs,
            None => survey.api.epochs().await?.epochs.iter().map(|epoch| epoch.number).collect(),
        };
        if epochs.is_empty() {
            return Err(Refusal::new(Code::CohortTooSmall, "no epoch has closed yet").into());
        }
        let query =
            Query { version: 1, survey: survey.id, plan, epochs: epochs.clone() }.sign(&self.identity)?;
        let (asked, _) = survey::query::check(&query, survey.definition(), &survey.id)?;
        let id = query_id(&query, asked)?;
        if survey.api.query(&query).await?.query != id {
            return Err(Refusal::new(Code::Conflict, "the coordinator took another query").into());
        }
        let certificate = self.wait(survey, &id, patience).await?;
        let statement = &certificate.statement;
        if statement.plan.0 != asked.id().0
            || statement.epochs != epochs
            || statement.consumer != self.identity.public()
        {
            return Err(Refusal::new(Code::Conflict, "the parties answered another query").into());
        }
        let results = decode(survey.definition(), asked, &certificate)?;
        Ok(Answer { certificate, results })
    }

    async fn wait(
        &self,
        survey: &OpenSurvey,
        query: &Id,
        patience: Duration,
    ) -> Result<Certificate, ClientError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let asked = tokio::time::Instant::now();
            if asked >= deadline {
                return Err(ClientError::Timeout("the result"));
            }
            match survey.api.query_status(query).await? {
                QueryStatus::Running => tokio::time::sleep_until(asked + POLL).await,
                QueryStatus::Done { outputs } => {
                    let parties = survey.definition().party_keys();
                    let certificate = Certificate::assemble(&outputs, &self.opening, &parties)?;
                    certificate.verify(&survey.id, &parties)?;
                    return Ok(certificate);
                }
                QueryStatus::Refused { refusal, party } => {
                    let detail = format!("party {party}: {}", refusal.detail);
                    return Err(Refusal::new(refusal.code, detail).into());
                }
            }
        }
    }
}

/// The plan that a certificate is about: one that the survey lists, or `own`.
///
/// # Errors
/// [`Code::UnknownPlan`] if it is neither.
pub fn plan_of<'a>(
    survey: &'a Survey,
    certificate: &Certificate,
    own: Option<&'a Plan>,
) -> Result<&'a Plan, ClientError> {
    let listed = survey.plans.iter().map(|named| &named.plan);
    let found = listed.chain(own).find(|plan| plan.id().0 == certificate.statement.plan.0);
    found.ok_or_else(|| {
        Refusal::new(Code::UnknownPlan, "the certificate is about a plan of the consumer's own").into()
    })
}

/// Checks a certificate offline and reads its results. The page of the client API makes these checks in a browser, but for
/// which results are withheld where some are.
///
/// # Errors
/// [`ClientError`] naming the first check that fails.
pub fn verify(
    id: &Id,
    survey: &Survey,
    certificate: &Certificate,
    own: Option<&Plan>,
) -> Result<ResultTable, ClientError> {
    certificate.verify(id, &survey.party_keys())?;
    fits(survey, &certificate.statement)?;
    decode(survey, plan_of(survey, certificate, own)?, certificate)
}

/// Whether a statement says what the survey's parties may state.
fn fits(survey: &Survey, statement: &Statement) -> Result<(), Refusal> {
    let minimum = survey.policy.minimum();
    if statement.count < minimum {
        let few = format!("{} accounts, and the survey asks for {minimum}", statement.count);
        return Err(Refusal::new(Code::CohortTooSmall, few));
    }
    if statement.self_reported != survey.self_reported() {
        return Err(Refusal::new(Code::Conflict, "the statement names other fields as not proven"));
    }
    Ok(())
}

/// The results that a certificate's components add up to.
fn decode(survey: &Survey, plan: &Plan, certificate: &Certificate) -> Result<ResultTable, ClientError> {
    let malformed =
        || Refusal::new(Code::Malformed, "the certificate's components are no result of this plan");
    let checked = stats::check(plan, &survey.schema(), &survey.policy.limits)?;
    let components = certificate.components.each_ref().map(|component| component.bytes.as_slice());
    let length = components[0].len() / ELEMENT;
    if components.iter().any(|component| component.len() != length * ELEMENT) {
        return Err(malformed().into());
    }
    let values = rep3::combine_field(components, length).map_err(|_| malformed())?;
    let rows = survey.schema().tables.into_keys().map(|name| (name, certificate.statement.count));
    let rows: BTreeMap<_, _> = rows.collect();
    let outcome = Outcome { rows, tests: certificate.statement.tests.clone(), values };
    Ok(stats::decode_elements(&checked, &outcome)?)
}
