//! What a provider sends, once: an attestation and sealed shares of the values it commits to.

use algebra::Prg;
use mpctls::Attestation;
use rep3::network::Party;
use rep3::{InputContext, PartyInput};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sha3::Sha3_256;
use utoipa::ToSchema;

use crate::code::{Code, Refusal};
use crate::definition::{Field, Survey};
use crate::id::Id;
use crate::keys::{Identity, PublicKey, Purpose, Signature};
use crate::seal::{OpeningKey, Sealed};
use crate::shares::{self, BLINDER};

/// No submission is larger than this, as JSON.
pub const MAX_SUBMISSION: usize = 256 * 1024;

/// One provider's attestation and sealed shares, signed by the attested one-use key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Format version: 1.
    pub version: u32,
    /// The survey.
    pub survey: Id,
    /// What the notary signed.
    #[schema(value_type = Object)]
    pub attestation: Attestation,
    /// The commitments to the self-reported fields, in the survey's order.
    #[serde(default)]
    pub self_reported: Vec<Id>,
    /// The commitments `C_0`, `C_1`, `C_2` to the share components.
    pub commitments: [Id; 3],
    /// Each party's pair of components, sealed to it.
    pub sealed: [Sealed; 3],
    /// Over digest and sealed boxes, by the attested provider key.
    pub signature: Signature,
}

/// What a submission's digest is taken over: everything but the sealed boxes and the signature.
#[derive(Serialize)]
struct Digested<'a> {
    version: u32,
    survey: Id,
    attestation: Id,
    self_reported: &'a [Id],
    commitments: [Id; 3],
}

/// What a provider shares for one field: the text it commits to, padded to the field's window, and the blinder.
pub struct Value {
    /// Exactly the field's window.
    pub window: Vec<u8>,
    /// What blinds its commitment.
    pub blinder: [u8; BLINDER],
}

impl Drop for Value {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.window);
        zeroize::Zeroize::zeroize(&mut self.blinder);
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({} bytes, redacted)", self.window.len())
    }
}

impl Submission {
    /// Shares, commits, seals and signs. `values` are in the order of the survey's fields; those of proven
    /// fields are the attestation's openings.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] if a window has another length than its field declares;
    /// [`Code::InvalidConfiguration`] if a party's key is no key.
    pub fn new(
        survey: &Survey,
        attestation: Attestation,
        session: &[u8; 32],
        values: &[Value],
        provider: &Identity,
    ) -> Result<Self, Refusal> {
        if values.len() != survey.fields.len() {
            return Err(Refusal::new(Code::InvalidValue, "one value a field is due"));
        }
        let mut secret = zeroize::Zeroizing::new(Vec::with_capacity(survey.shared_len()));
        let mut self_reported = Vec::new();
        for (field, value) in survey.fields.iter().zip(values) {
            if value.window.len() != field.window as usize {
                return Err(Refusal::new(Code::InvalidValue, format!("window of field {}", field.name)));
            }
            if field.self_reported {
                self_reported.push(self_reported_commitment(session, field, value));
            }
            secret.extend_from_slice(&value.window);
            secret.extend_from_slice(&value.blinder);
        }
        let context = InputContext { session, provider: &provider.public().0 };
        let mut randomness = Prg::from_digest(&zeroize::Zeroizing::new(rand::random()));
        let inputs = rep3::share_input(&secret, context, &mut randomness);
        let commitments = inputs[0].commitments.map(Id);
        let survey_id = survey.id()?;
        let digest = digest(survey_id, &attestation, &self_reported, commitments)?;
        let seal = |party: usize| {
            Sealed::new(
                &shares::encode(&inputs[party]),
                &survey.parties[party].sealing,
                &place(&digest, party),
                &mut rand::rng(),
            )
            .map_err(|_| Refusal::new(Code::InvalidConfiguration, format!("sealing key of party {party}")))
        };
        let sealed = [seal(0)?, seal(1)?, seal(2)?];
        let signature = provider.sign(Purpose::Submission, &signed_id(&digest, &sealed));
        Ok(Self { version: 1, survey: survey_id, attestation, self_reported, commitments, sealed, signature })
    }

    /// The digest: the submission's name, its receipt's subject and the leaf in its dataset's tree. It does
    /// not cover the sealed boxes, which are bound to it instead.
    ///
    /// # Errors
    /// Never for a submission that was read; see [`Id::of`].
    pub fn digest(&self) -> Result<Id, crate::EncodeError> {
        digest(self.survey, &self.attestation, &self.self_reported, self.commitments)
    }

    /// Checks the form and the provider's signature. What the attestation says is checked by `mpctls`.
    ///
    /// # Errors
    /// [`Code::UnsupportedVersion`], [`Code::WrongSurvey`], [`Code::Malformed`] or [`Code::BadSignature`].
    pub fn check(
        &self,
        survey: &Survey,
        survey_id: &Id,
        digest: &Id,
        provider: &PublicKey,
    ) -> Result<(), Refusal> {
        if self.version != 1 {
            return Err(Code::UnsupportedVersion.into());
        }
        if self.survey != *survey_id {
            return Err(Code::WrongSurvey.into());
        }
        if self.self_reported.len() != survey.fields.iter().filter(|field| field.self_reported).count() {
            return Err(Refusal::new(Code::Malformed, "self_reported"));
        }
        let length = |party| shares::encoded_len(party, survey.shared_len()) + Sealed::OVERHEAD;
        if Party::ALL.iter().zip(&self.sealed).any(|(party, sealed)| sealed.0.len() != length(*party)) {
            return Err(Refusal::new(
                Code::UnreadableShares,
                "a sealed box has another length than the fields",
            ));
        }
        if !provider.verify(Purpose::Submission, &signed_id(digest, &self.sealed), &self.signature) {
            return Err(Refusal::new(Code::BadSignature, "submission"));
        }
        Ok(())
    }

    /// Opens a party's pair and checks it against the share commitments. Gives components `i` and `i + 1` in
    /// full.
    ///
    /// # Errors
    /// [`Code::UnreadableShares`] or [`Code::InconsistentShares`].
    pub fn open(
        &self,
        party: Party,
        survey: &Survey,
        context: InputContext<'_>,
        digest: &Id,
        key: &OpeningKey,
    ) -> Result<[Vec<u8>; 2], Refusal> {
        let unreadable = || Refusal::new(Code::UnreadableShares, party.to_string());
        let index = party.index();
        let bytes = key.open(&self.sealed[index], &place(digest, index)).map_err(|_| unreadable())?;
        let length = survey.shared_len();
        let input: PartyInput =
            shares::decode(&bytes, party, length, &self.commitments).ok_or_else(unreadable)?;
        let checked = input.check(context, length, party);
        checked.ok_or_else(|| Refusal::new(Code::InconsistentShares, party.to_string()))
    }
}

fn digest(
    survey: Id,
    attestation: &Attestation,
    self_reported: &[Id],
    commitments: [Id; 3],
) -> Result<Id, crate::EncodeError> {
    Id::of(&Digested { version: 1, survey, attestation: Id::of(attestation)?, self_reported, commitments })
}

fn place(digest: &Id, party: usize) -> Vec<u8> {
    [b"mpcstats/shares/v1".as_slice(), digest.as_bytes(), &[party as u8]].concat()
}

fn signed_id(digest: &Id, sealed: &[Sealed; 3]) -> Id {
    let [first, second, third] = sealed;
    Id::of_parts("mpcstats/sealed/v1", &[digest.as_bytes(), &first.0, &second.0, &third.0])
}

/// The domain of a self-reported field's commitment: as for a proven one, with the direction `typed`, which no
/// notarized range has.
pub fn self_reported_domain(session: &[u8; 32], field: &Field) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"mpcstats/commit/v1")
        .chain_update(session)
        .chain_update([SELF_REPORTED])
        .chain_update(0u32.to_be_bytes())
        .chain_update(field.window.to_be_bytes())
        .chain_update(field.name.as_bytes())
        .finalize()
        .into()
}

/// The direction byte of what was typed: notarized bytes are sent (0) or received (1).
const SELF_REPORTED: u8 = 2;

fn self_reported_commitment(session: &[u8; 32], field: &Field, value: &Value) -> Id {
    let hash = Sha3_256::new()
        .chain_update(self_reported_domain(session, field))
        .chain_update(value.blinder)
        .chain_update(&value.window);
    Id(hash.finalize().into())
}
