//! What a provider keeps: proof that all three parties accepted a submission, and that a release contains it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::certificate::Certificate;
use crate::code::{Code, Refusal};
use crate::id::Id;
use crate::keys::{PublicKey, Signature};
use crate::merkle::Path;
use crate::record::{Header, three_signed};

/// The parties' signed acceptance of one submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The submission's digest.
    pub submission: Id,
    /// The header of the batch record that accepts it.
    pub header: Header,
    /// From the digest to the header's leaf root.
    pub path: Path,
    /// Of parties 0, 1 and 2 over the header.
    pub signatures: [Signature; 3],
}

impl Receipt {
    /// Checks the receipt against the survey's id and parties.
    ///
    /// # Errors
    /// [`Code::WrongSurvey`], [`Code::BadSignature`] or [`Code::Malformed`].
    pub fn verify(&self, survey: &Id, parties: &[PublicKey; 3]) -> Result<(), Refusal> {
        if self.header.survey != *survey {
            return Err(Code::WrongSurvey.into());
        }
        if !three_signed(&self.header, &self.signatures, parties) {
            return Err(Refusal::new(Code::BadSignature, "receipt"));
        }
        if self.path.root_from(&self.submission) != Some(self.header.leaves_root) {
            return Err(Refusal::new(
                Code::Malformed,
                "receipt: the path does not lead to the record's root",
            ));
        }
        Ok(())
    }

    /// Checks the receipt, and that it is this submission's.
    ///
    /// # Errors
    /// As [`Receipt::verify`], and [`Code::Malformed`] if it is another's.
    pub fn verify_of(&self, submission: &Id, survey: &Id, parties: &[PublicKey; 3]) -> Result<(), Refusal> {
        if self.submission != *submission {
            return Err(Refusal::new(Code::Malformed, "the receipt is another submission's"));
        }
        self.verify(survey, parties)
    }

    /// Whether the certificate's release contains this submission; `above` leads from the receipt's record to
    /// the dataset root ([`crate::epoch::record_path`]).
    pub fn is_in(&self, certificate: &Certificate, above: &Path) -> bool {
        certificate.statement.epochs.contains(&self.header.epoch)
            && self.path.clone().join(above.clone()).root_from(&self.submission)
                == Some(certificate.statement.dataset_root)
    }
}
