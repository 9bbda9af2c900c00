//! The parties' hash-chained log. A batch record with three signatures *is* the commit of its submissions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::{Code, Refusal};
use crate::id::Id;
use crate::keys::{PublicKey, Purpose, Signature};
use crate::merkle;

/// At most this many submissions in one batch: bounds every message about it.
pub const MAX_BATCH: usize = 4096;

/// The part of a batch record that is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Format version: 1.
    pub version: u32,
    /// The survey.
    pub survey: Id,
    /// Place in the chain, from 0.
    pub height: u64,
    /// Which attempt at this height produced it: two attempts never share computation.
    pub attempt: u64,
    /// The header before this one ([`Header::id`]); the survey's id at height 0.
    pub previous: Id,
    /// The epoch that these submissions belong to, from 0.
    pub epoch: u64,
    /// Whether the epoch closes with this record.
    pub closes_epoch: bool,
    /// How many submissions it accepts.
    pub accepted: u64,
    /// Merkle root over the accepted submissions' digests.
    pub leaves_root: Id,
    /// Hash of the list of refused submissions.
    pub refused_hash: Id,
    /// Salted digests of the stored columns, one for each component 0, 1, 2. Two parties hold each component
    /// and its salt; the third learns nothing from the digest.
    pub columns: [Id; 3],
    /// When the leader closed the batch, in Unix seconds.
    pub closed_at: u64,
}

impl Header {
    /// SHA-256 of the canonical JSON: what is signed and chained.
    ///
    /// # Errors
    /// Never for a header made by this crate; see [`Id::of`].
    pub fn id(&self) -> Result<Id, crate::EncodeError> {
        Id::of(self)
    }
}

/// A submission that the parties turned away, for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Which submission.
    pub submission: Id,
    /// Why.
    pub code: Code,
    /// Which party found fault, where it was one party's own check (0, 1, 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<u8>,
}

/// Whether no submission is named twice: each has one fate.
pub fn distinct(accepted: &[Id], refused: &[Refused]) -> bool {
    let mut seen = BTreeSet::new();
    accepted.iter().chain(refused.iter().map(|refused| &refused.submission)).all(|id| seen.insert(id))
}

/// One step of the log, with what its header commits to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRecord {
    /// What is signed.
    pub header: Header,
    /// The digests of the accepted submissions, in the order of their rows.
    pub leaves: Vec<Id>,
    /// The refused ones.
    pub refused: Vec<Refused>,
}

impl BatchRecord {
    /// Whether leaves and refusals are those of the header.
    ///
    /// # Errors
    /// [`Code::Malformed`] naming what does not fit.
    pub fn check(&self) -> Result<(), Refusal> {
        let fault = |what: &str| Err(Refusal::new(Code::Malformed, format!("batch record: {what}")));
        if self.header.version != 1 {
            return Err(Code::UnsupportedVersion.into());
        }
        if self.leaves.len() + self.refused.len() > MAX_BATCH {
            return fault("too many submissions");
        }
        if self.header.accepted != self.leaves.len() as u64
            || self.header.leaves_root != merkle::root(&self.leaves)
        {
            return fault("leaves do not fit the header");
        }
        if self.header.refused_hash != Id::of(&self.refused)? {
            return fault("refusals do not fit the header");
        }
        if !distinct(&self.leaves, &self.refused) {
            return fault("a submission is named twice");
        }
        Ok(())
    }
}

/// A batch record with the signatures of parties 0, 1 and 2 over its header: the commit itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedRecord {
    /// The record.
    pub record: BatchRecord,
    /// One signature a party, in order.
    pub signatures: [Signature; 3],
}

/// Whether all three parties signed this header.
pub fn three_signed(header: &Header, signatures: &[Signature; 3], parties: &[PublicKey; 3]) -> bool {
    header.id().is_ok_and(|id| {
        parties.iter().zip(signatures).all(|(party, signature)| party.verify(Purpose::Batch, &id, signature))
    })
}

impl SignedRecord {
    /// Checks everything about a record but its place in the chain.
    ///
    /// # Errors
    /// [`Code::Malformed`], [`Code::WrongSurvey`] or [`Code::BadSignature`].
    pub fn verify(&self, survey: &Id, parties: &[PublicKey; 3]) -> Result<(), Refusal> {
        self.record.check()?;
        if self.record.header.survey != *survey {
            return Err(Code::WrongSurvey.into());
        }
        if !three_signed(&self.record.header, &self.signatures, parties) {
            return Err(Refusal::new(Code::BadSignature, "batch record"));
        }
        Ok(())
    }

    /// The receipt of the accepted submission at `index`.
    pub fn receipt(&self, index: usize) -> Option<crate::Receipt> {
        Some(crate::Receipt {
            submission: *self.record.leaves.get(index)?,
            header: self.record.header.clone(),
            path: merkle::Path::new(&self.record.leaves, index)?,
            signatures: self.signatures,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::keys::Identity;

    pub(crate) fn record(survey: Id, height: u64, leaves: usize) -> BatchRecord {
        let leaves: Vec<Id> =
            (0..leaves).map(|i| Id::of_parts("leaf", &[&height.to_be_bytes(), &i.to_be_bytes()])).collect();
        BatchRecord {
            header: Header {
                version: 1,
                survey,
                height,
                attempt: 0,
                previous: survey,
                epoch: 0,
                closes_epoch: true,
                accepted: leaves.len() as u64,
                leaves_root: merkle::root(&leaves),
                refused_hash: Id::of(&Vec::<Refused>::new()).unwrap(),
                columns: [Id::default(); 3],
                closed_at: 1_700_000_000,
            },
            leaves,
            refused: Vec::new(),
        }
    }

    pub(crate) fn sign(record: BatchRecord, parties: &[Identity; 3]) -> SignedRecord {
        let id = record.header.id().unwrap();
        let signatures = std::array::from_fn(|i| parties[i].sign(Purpose::Batch, &id));
        SignedRecord { record, signatures }
    }

    #[test]
    fn a_record_needs_all_three_signatures_and_its_own_leaves() {
        let parties = std::array::from_fn(|_| Identity::generate());
        let keys = std::array::from_fn(|i| parties[i].public());
        let survey = Id::of_parts("survey", &[]);
        let signed = sign(record(survey, 0, 5), &parties);
        signed.verify(&survey, &keys).unwrap();
        assert_eq!(signed.verify(&Id::default(), &keys).unwrap_err().code, Code::WrongSurvey);

        let mut two = signed.clone();
        two.signatures[2] = two.signatures[1];
        assert_eq!(two.verify(&survey, &keys).unwrap_err().code, Code::BadSignature);

        let mut swapped = signed.clone();
        swapped.record.leaves.swap(0, 1);
        assert_eq!(swapped.verify(&survey, &keys).unwrap_err().code, Code::Malformed);

        let mut added = signed.clone();
        added.record.refused.push(Refused { submission: survey, code: Code::InvalidValue, party: None });
        assert_eq!(added.verify(&survey, &keys).unwrap_err().code, Code::Malformed);

        // Not even with the signatures of all three.
        let mut both = record(survey, 0, 5);
        both.refused.push(Refused { submission: both.leaves[2], code: Code::InvalidValue, party: Some(1) });
        both.header.refused_hash = Id::of(&both.refused).unwrap();
        assert_eq!(sign(both, &parties).verify(&survey, &keys).unwrap_err().code, Code::Malformed);

        for index in 0..5 {
            signed.receipt(index).unwrap().verify(&survey, &keys).unwrap();
        }
        assert_eq!(signed.receipt(5), None);
    }
}
