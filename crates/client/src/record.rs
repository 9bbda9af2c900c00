//! The little that a provider keeps: which survey, which submission, and the receipt once it is there. No value,
//! no secret: whoever reads it learns that its owner took part.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use survey::{Certificate, Id, Receipt, epoch};

use crate::error::ClientError;
use crate::open::OpenSurvey;

/// A record is at most this long.
const MAX_RECORD: u64 = 1 << 20;

/// What a provider keeps of one submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Format version: 1.
    pub version: u32,
    /// How to find the survey again ([`crate::Reference`]).
    pub survey: String,
    /// Its title.
    pub title: String,
    /// The submission's digest.
    pub submission: Id,
    /// When it was submitted, in Unix seconds.
    pub submitted_at: u64,
    /// The parties' acceptance, once it was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

impl Record {
    /// A record of a submission that was just made.
    pub fn new(survey: &OpenSurvey, submission: Id) -> Self {
        Self {
            version: 1,
            survey: survey.reference().to_string(),
            title: survey.definition().title.clone(),
            submission,
            submitted_at: crate::provider::now(),
            receipt: None,
        }
    }

    /// The file of a submission's record in `folder`.
    pub fn path(folder: &Path, submission: &Id) -> PathBuf {
        folder.join(format!("{submission}.json"))
    }

    /// Writes the record to its file in `folder`, at once or not at all.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn save(&self, folder: &Path) -> Result<PathBuf, ClientError> {
        let path = Self::path(folder, &self.submission);
        let failed = |cause: String| ClientError::File { path: path.clone(), cause };
        let json = serde_json::to_vec_pretty(self).map_err(|error| failed(error.to_string()))?;
        let write = || {
            std::fs::create_dir_all(folder)?;
            let new = path.with_extension("new");
            std::fs::write(&new, &json)?;
            std::fs::rename(&new, &path)
        };
        write().map_err(|error: std::io::Error| failed(error.to_string()))?;
        Ok(path)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn read(path: &Path) -> Result<Self, ClientError> {
        let failed = |cause: String| ClientError::File { path: path.to_owned(), cause };
        let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if length > MAX_RECORD {
            return Err(failed("too long for a record".to_owned()));
        }
        let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| failed(format!("not a record: {error}")))
    }

    /// The records in a folder, newest first.
    ///
    /// # Errors
    /// [`ClientError::File`] if the folder cannot be listed; files that are not records are passed over.
    pub fn list(folder: &Path) -> Result<Vec<Self>, ClientError> {
        let failed =
            |cause: std::io::Error| ClientError::File { path: folder.to_owned(), cause: cause.to_string() };
        let mut records = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            records.extend(Self::read(&entry.map_err(failed)?.path()));
        }
        records.sort_by_key(|record| std::cmp::Reverse(record.submitted_at));
        Ok(records)
    }
}

/// Whether a release contains a submission, which the receipt must be of: another's receipt shows nothing. The way
/// from the receipt's record to the certificate's dataset root is made from headers that the coordinator serves;
/// nothing of it needs to be believed, because it has to end in the root that all three parties signed.
///
/// # Errors
/// [`ClientError`] if receipt or certificate do not verify, the receipt is another submission's, or the headers cannot
/// be fetched.
pub async fn is_included(
    survey: &OpenSurvey,
    submission: &Id,
    receipt: &Receipt,
    certificate: &Certificate,
) -> Result<bool, ClientError> {
    let parties = survey.definition().party_keys();
    receipt.verify_of(submission, &survey.id, &parties)?;
    certificate.verify(&survey.id, &parties)?;
    let covered = &certificate.statement.epochs;
    if !covered.contains(&receipt.header.epoch) {
        return Ok(false);
    }
    let closed = survey.api.epochs().await?.epochs;
    let released: Vec<_> = closed.into_iter().filter(|epoch| covered.contains(&epoch.number)).collect();
    let headers = survey.api.headers(receipt.header.epoch).await?.headers;
    let headers: Vec<_> = headers.into_iter().map(|signed| signed.header).collect();
    let above = epoch::record_path(&headers, receipt.header.height, &released);
    Ok(above.is_some_and(|above| receipt.is_in(certificate, &above)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_kept_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let record = |byte, submitted_at| Record {
            version: 1,
            survey: "https://a:1/#00".into(),
            title: "A survey".into(),
            submission: Id([byte; 32]),
            submitted_at,
            receipt: None,
        };
        let path = record(1, 10).save(folder.path()).unwrap();
        record(2, 20).save(folder.path()).unwrap();
        std::fs::write(folder.path().join("other.txt"), "not a record").unwrap();
        assert_eq!(Record::read(&path).unwrap(), record(1, 10));
        assert_eq!(Record::list(folder.path()).unwrap(), [record(2, 20), record(1, 10)]);
    }
}
