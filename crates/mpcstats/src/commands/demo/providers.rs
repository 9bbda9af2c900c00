//! The demo's providers: honest ones, and one that alters its value.

use std::ops::Range;
use std::time::Duration;

use client::provider::{Provider, submit, wait_for_receipt};
use client::session::User;
use client::{ClientError, OpenSurvey};
use indicatif::ProgressBar;
use mpctls::source::{Disclosure, Secrets};
use service::notary::roots;
use survey::{Identity, Submission};
use tokio::task::JoinSet;

use super::stage::Stage;
use crate::commands::Failure;

/// How long a receipt may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many providers prove at once.
const AT_ONCE: usize = 2;

/// How the cheater was refused.
pub struct Refused {
    pub code: String,
    pub cause: String,
}

/// A provider who has given every secret and agrees to what is shown.
struct Willing;

impl User for Willing {
    fn complete(&mut self, _secrets: &mut Secrets) -> Result<(), ClientError> {
        Ok(())
    }

    fn approve(&mut self, _disclosure: &Disclosure) -> bool {
        true
    }

    fn see(&mut self, _stage: mpctls::protocol::Stage) {}
}

/// The provider that owns the account with this index.
fn provider(stage: &Stage, index: u64) -> Result<Provider, Failure> {
    let owner = stage.owners.get(usize::try_from(index)?).ok_or("there are too few accounts")?;
    let mut secrets = Secrets::new();
    owner.secrets.iter().for_each(|(name, secret)| secrets.insert(name, secret.clone()));
    let (typed, roots) = (owner.answers.clone(), roots(&[stage.authority()])?);
    Ok(Provider { secrets, typed, mode: None, notary: None, roots })
}

/// Lets these providers prove and share, a few at once, and waits for all receipts.
pub async fn share_all(
    stage: &Stage,
    survey: &OpenSurvey,
    providers: Range<u64>,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let mut waiting: JoinSet<Result<(), ClientError>> = JoinSet::new();
    let all = stage.providers;
    for index in providers {
        if waiting.len() >= AT_ONCE {
            finish_one(&mut waiting, bar).await?;
        }
        bar.set_message(format!("provider {} of {all} proves its value and shares it", index + 1));
        let provider = provider(stage, index)?;
        let survey = survey.clone();
        waiting.spawn(async move {
            let prepared = provider.prepare(&survey, Willing).await?;
            submit(&survey, &prepared).await?;
            wait_for_receipt(&survey, &prepared.digest, PATIENCE, |_| {}).await.map(drop)
        });
    }
    while !waiting.is_empty() {
        finish_one(&mut waiting, bar).await?;
    }
    Ok(())
}

async fn finish_one(
    waiting: &mut JoinSet<Result<(), ClientError>>,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    if let Some(done) = waiting.join_next().await {
        done??;
        bar.inc(1);
    }
    Ok(())
}

/// A provider with a genuine attestation shares another value than the one that it proved.
pub async fn cheat(stage: &Stage, survey: &OpenSurvey) -> Result<Refused, Failure> {
    let key = Identity::generate();
    let provider = provider(stage, stage.providers)?;
    let proven = provider.prove(survey, &key, Willing).await?;
    let mut values = provider.values(survey, &proven)?;
    let fields = survey.definition().fields.iter();
    let (_, value) =
        fields.zip(&mut values).find(|(field, _)| !field.self_reported).ok_or("nothing is proven")?;
    value.window = raised(&value.window);
    let session = proven.verified.session;
    let submission = Submission::new(survey.definition(), proven.attestation, &session, &values, &key)?;
    let refused = match survey.api.submit(&submission).await {
        Err(refused) => refused,
        Ok(_) => match wait_for_receipt(survey, &submission.digest()?, PATIENCE, |_| {}).await {
            Err(refused) => refused,
            Ok(_) => return Err("an altered value was accepted: this must never happen".into()),
        },
    };
    match &refused {
        ClientError::Refused(refusal) => {
            Ok(Refused { code: refused.code(), cause: refusal.code.cause().to_owned() })
        }
        _ => Err(refused.into()),
    }
}

/// The window with another first digit.
fn raised(window: &[u8]) -> Vec<u8> {
    let mut window = window.to_vec();
    if let Some(first) = window.first_mut() {
        *first = if *first == b'9' { b'8' } else { b'9' };
    }
    window
}
