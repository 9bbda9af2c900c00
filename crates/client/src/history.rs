//! The list of releases that a client API publishes: checked release by release, and against what was seen before.

use survey::log::Mark;
use survey::{Id, ReleaseLog};

use crate::api::Api;
use crate::consumer;
use crate::error::ClientError;
use crate::open::OpenSurvey;

/// Fetches the list and every certificate in it. Each certificate must hold, each release stand there once, and the list
/// begin with what was seen of it: then the server has published nothing false, and has neither taken out nor changed
/// what it had published.
///
/// # Errors
/// [`ClientError::Rewritten`] if the list is not that, and [`ClientError`] if it cannot be fetched or a certificate does
/// not hold.
pub async fn check(page: &Api, survey: &OpenSurvey, seen: Option<&Mark>) -> Result<ReleaseLog, ClientError> {
    let rewritten = |why: String| ClientError::Rewritten { address: page.address().to_owned(), why };
    let log = page.log(&survey.id).await?;
    if !log.continues(&survey.id, seen)? {
        let length = seen.map_or(0, |mark| mark.length);
        return Err(rewritten(format!("the list does not begin with the {length} releases that were seen")));
    }
    let mut numbers = std::collections::BTreeSet::new();
    for entry in &log.entries {
        if !numbers.insert(entry.release) {
            return Err(rewritten(format!("release {} is listed twice", entry.release)));
        }
        let certificate = page.certificate(&survey.id, entry.release).await?;
        if Id::of(&certificate)? != entry.certificate || certificate.statement.release != entry.release {
            return Err(rewritten(format!("the certificate of release {} is another one", entry.release)));
        }
        consumer::verify(&survey.id, survey.definition(), &certificate, None)?;
    }
    Ok(log)
}
