//! Judging a submission by itself: what the coordinator and every party check before anything else, each for
//! itself.

use std::time::Duration;

use mpctls::{VerifiedAttestation, VerifyError};
use rep3::InputContext;
use survey::{Code, Id, PublicKey, Refusal, Submission, Survey};

/// A submission whose attestation and signature are good.
#[derive(Debug)]
pub struct Admitted {
    /// Its digest.
    pub digest: Id,
    /// The disclosed account id. It leaves a party's memory once its nullifier is made.
    pub account: String,
    /// The notarization session.
    pub session: [u8; 32],
    /// The one-use key.
    pub provider: [u8; 32],
    /// For every field of the survey, in order: the commitment's domain and digest.
    pub commitments: Vec<Commitment>,
}

/// What a field's window and blinder must hash to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// First 32 bytes under the hash.
    pub domain: [u8; 32],
    /// The hash.
    pub digest: [u8; 32],
}

impl Admitted {
    /// What its share commitments are bound to.
    pub fn context(&self) -> InputContext<'_> {
        InputContext { session: &self.session, provider: &self.provider }
    }
}

/// Checks a submission at a time in Unix seconds: survey, opening times, attestation (notary, source, age,
/// mode, and that it was made for this survey), and the one-use key's signature.
///
/// `waited` is how long the submission may have waited since it was let in: nothing at the door, and up to that
/// long at a party that was away, so that no submission goes stale in the queue or outlives its survey there.
/// Whatever it waited, its attestation must have been made while the survey was open.
///
/// # Errors
/// [`Refusal`] with a code for each thing that can be wrong.
pub fn admit(
    submission: &Submission,
    survey: &Survey,
    survey_id: &Id,
    now: u64,
    waited: Duration,
) -> Result<Admitted, Refusal> {
    let made = submission.attestation.statement.time;
    // The latest time at which it may have come.
    let came =
        now.min(made.saturating_add(survey.source.max_age())).max(now.saturating_sub(waited.as_secs()));
    if waited.is_zero() {
        survey.check_open(now)?;
    }
    survey.check_open(made).map_err(|refusal| Refusal::new(refusal.code, "when the attestation was made"))?;
    if submission.version != 1 {
        return Err(Code::UnsupportedVersion.into());
    }
    if submission.survey != *survey_id {
        return Err(Code::WrongSurvey.into());
    }
    let verified = mpctls::verify(&submission.attestation, &survey.source, &survey.notaries, came)
        .map_err(|error| attestation_refusal(&error))?;
    if verified.survey != survey_id.0 {
        return Err(Refusal::new(Code::WrongSurvey, "the attestation was made for another survey"));
    }
    if !survey.modes.contains(&verified.mode) {
        return Err(Refusal::new(Code::ModeNotAccepted, verified.mode.to_string()));
    }
    let digest = submission.digest()?;
    submission.check(survey, survey_id, &digest, &PublicKey(verified.provider_key))?;
    let commitments = commitments(submission, survey, &verified)?;
    let account = verified.disclosed.get(&survey.account).cloned();
    let account = account.ok_or_else(|| Refusal::new(Code::InvalidAttestation, "no account is disclosed"))?;
    Ok(Admitted { digest, account, session: verified.session, provider: verified.provider_key, commitments })
}

fn commitments(
    submission: &Submission,
    survey: &Survey,
    verified: &VerifiedAttestation,
) -> Result<Vec<Commitment>, Refusal> {
    let mut typed = submission.self_reported.iter();
    let mut commitment = |field: &survey::definition::Field| {
        if field.self_reported {
            let digest = typed.next()?.0;
            let domain = survey::submission::self_reported_domain(&verified.session, field);
            return Some(Commitment { domain, digest });
        }
        let proven = verified.private.get(&field.name)?;
        (proven.window_len == field.window as usize)
            .then_some(Commitment { domain: proven.domain, digest: proven.digest })
    };
    let missing =
        |name: &str| Refusal::new(Code::InvalidAttestation, format!("field {name} is not committed to"));
    survey.fields.iter().map(|field| commitment(field).ok_or_else(|| missing(&field.name))).collect()
}

fn attestation_refusal(error: &VerifyError) -> Refusal {
    let code = match error {
        VerifyError::UnknownNotary(_) | VerifyError::RevokedNotary(_) | VerifyError::ExpiredNotary(_) => {
            Code::UnknownNotary
        }
        VerifyError::Stale { .. } => Code::StaleAttestation,
        VerifyError::Future(_) => Code::FutureAttestation,
        VerifyError::Version(_) => Code::UnsupportedVersion,
        _ => Code::InvalidAttestation,
    };
    Refusal::new(code, error.to_string())
}
