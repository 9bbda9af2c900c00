//! What a consumer gets: three signed, matching statements about a release, and the shares of its result.

use rand::CryptoRng;
use rep3::SealedComponent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::code::{Code, Refusal};
use crate::id::Id;
use crate::keys::{Identity, PublicKey, Purpose, Signature};
use crate::seal::{OpeningKey, Sealed, SealingKey};

/// What each party signs about a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Format version: 1.
    pub version: u32,
    /// The survey.
    pub survey: Id,
    /// The release's number within the survey.
    pub release: u64,
    /// The epochs that it covers, rising.
    pub epochs: Vec<u64>,
    /// The three-party session that computed it.
    pub session: Id,
    /// The plan.
    pub plan: Id,
    /// Merkle root over the submissions that it covers.
    pub dataset_root: Id,
    /// How many submissions those are.
    pub count: u64,
    /// Which of the plan's tests held, in the plan's order: results whose tests failed are withheld, and the
    /// components hold the others only. Opened to everybody.
    pub tests: Vec<bool>,
    /// What was opened besides the result, in words.
    pub leaks: Vec<String>,
    /// The fields that providers typed in themselves, unproven.
    pub self_reported: Vec<String>,
    /// Who the result is for.
    pub consumer: PublicKey,
    /// Salted digests of the result's components 0, 1 and 2 ([`SealedComponent::digest`]): the salt keeps
    /// few-bit results from being searched.
    pub components: [Id; 3],
}

/// What a party hands to the consumer, perhaps by way of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyOutput {
    /// Which party: 0, 1 or 2.
    pub party: u8,
    /// What it states.
    pub statement: Statement,
    /// Its signature over the statement.
    pub signature: Signature,
    /// Its two components of the result and their salts, sealed to the consumer.
    pub sealed: Sealed,
}

fn place(statement: &Id, party: u8) -> Vec<u8> {
    [b"mpcstats/output/v1".as_slice(), statement.as_bytes(), &[party]].concat()
}

impl PartyOutput {
    /// A party's output.
    ///
    /// # Errors
    /// [`Code::Internal`] if the statement cannot be encoded, [`Code::Malformed`] if the consumer's key is no
    /// key.
    pub fn new(
        party: u8,
        statement: Statement,
        output: &rep3::Sealed,
        to: &SealingKey,
        identity: &Identity,
        random: &mut impl CryptoRng,
    ) -> Result<Self, Refusal> {
        let id = Id::of(&statement)?;
        let sealed = Sealed::new(&encode(output), to, &place(&id, party), random)
            .map_err(|_| Refusal::new(Code::Malformed, "the consumer's sealing key"))?;
        Ok(Self { party, signature: identity.sign(Purpose::Release, &id), statement, sealed })
    }

    fn open(&self, key: &OpeningKey) -> Result<[Component; 2], Refusal> {
        let fault = || Refusal::new(Code::UnreadableShares, format!("output of party {}", self.party));
        let bytes =
            key.open(&self.sealed, &place(&Id::of(&self.statement)?, self.party)).map_err(|_| fault())?;
        decode(&bytes).ok_or_else(fault)
    }
}

/// Own and next component, equally long, each behind its salt.
fn encode(output: &rep3::Sealed) -> Zeroizing<Vec<u8>> {
    let (own, next) = (&output.own, &output.next);
    Zeroizing::new([&own.salt[..], &own.bytes, &next.salt, &next.bytes].concat())
}

fn decode(bytes: &[u8]) -> Option<[Component; 2]> {
    let component = |half: &[u8]| {
        let (salt, bytes) = half.split_first_chunk::<32>()?;
        Some(Component { salt: *salt, bytes: bytes.to_vec() })
    };
    let (own, next) = bytes.split_at(bytes.len() / 2);
    Some([component(own)?, component(next)?])
}

/// One component of a result, opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// What its hash was salted with.
    #[serde(with = "hex::serde")]
    #[schema(value_type = String)]
    pub salt: [u8; 32],
    /// The component, encoded as `stats` encodes results.
    #[serde(with = "hex::serde")]
    #[schema(value_type = String)]
    pub bytes: Vec<u8>,
}

impl Component {
    fn digest(&self, j: usize) -> Id {
        Id(SealedComponent { bytes: self.bytes.clone(), salt: self.salt }.digest(j))
    }
}

/// The parties' statement of a release with everything needed to check it offline. Holding it means holding
/// the result: publish it where the result is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Format version: 1.
    pub version: u32,
    /// What the parties state.
    pub statement: Statement,
    /// Of parties 0, 1 and 2 over the statement.
    pub signatures: [Signature; 3],
    /// The result's components 0, 1 and 2.
    pub components: [Component; 3],
}

impl Certificate {
    /// Puts the three parties' outputs together: statements must match, and of each component both copies
    /// must be the same and fit its hash.
    ///
    /// # Errors
    /// [`Code::Conflict`] if the parties disagree, [`Code::BadSignature`], [`Code::UnreadableShares`].
    pub fn assemble(
        outputs: &[PartyOutput; 3],
        key: &OpeningKey,
        parties: &[PublicKey; 3],
    ) -> Result<Self, Refusal> {
        let conflict = |what: String| Refusal::new(Code::Conflict, what);
        let statement = &outputs[0].statement;
        for (index, output) in outputs.iter().enumerate() {
            if usize::from(output.party) != index || output.statement != *statement {
                return Err(conflict(format!("parties 0 and {index} state different things")));
            }
        }
        let mut pairs = [outputs[0].open(key)?, outputs[1].open(key)?, outputs[2].open(key)?];
        for j in 0..3 {
            if pairs[j][0] != pairs[(j + 2) % 3][1] {
                return Err(conflict(format!("the two copies of component {j} differ")));
            }
        }
        let certificate = Self {
            version: 1,
            statement: statement.clone(),
            signatures: std::array::from_fn(|i| outputs[i].signature),
            components: pairs.each_mut().map(|[own, _]| std::mem::take(own)),
        };
        certificate.verify(&statement.survey, parties)?;
        Ok(certificate)
    }

    /// Checks a certificate against the survey's id and parties: three signatures over one statement, and
    /// components that fit it. What the result says is read from the components by `stats`.
    ///
    /// # Errors
    /// [`Code::WrongSurvey`], [`Code::BadSignature`] or [`Code::Conflict`].
    pub fn verify(&self, survey: &Id, parties: &[PublicKey; 3]) -> Result<(), Refusal> {
        if self.version != 1 || self.statement.version != 1 {
            return Err(Code::UnsupportedVersion.into());
        }
        if self.statement.survey != *survey {
            return Err(Code::WrongSurvey.into());
        }
        let id = Id::of(&self.statement)?;
        for (index, (party, signature)) in parties.iter().zip(&self.signatures).enumerate() {
            if !party.verify(Purpose::Release, &id, signature) {
                return Err(Refusal::new(Code::BadSignature, format!("statement of party {index}")));
            }
        }
        for (j, (component, hash)) in self.components.iter().zip(&self.statement.components).enumerate() {
            if component.digest(j) != *hash {
                return Err(Refusal::new(
                    Code::Conflict,
                    format!("component {j} does not fit the statement"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        parties: [Identity; 3],
        keys: [PublicKey; 3],
        consumer: OpeningKey,
        results: [rep3::Sealed; 3],
        statement: Statement,
    }

    fn world() -> World {
        let parties: [Identity; 3] = std::array::from_fn(|_| Identity::generate());
        let components: [SealedComponent; 3] = std::array::from_fn(|j| SealedComponent {
            bytes: if j == 2 { b"the result".to_vec() } else { vec![7; 10] },
            salt: [j as u8; 32],
        });
        let digests = std::array::from_fn(|j| components[j].digest(j));
        let results = std::array::from_fn(|i| rep3::Sealed {
            own: components[i].clone(),
            next: components[(i + 1) % 3].clone(),
            digests,
        });
        let statement = Statement {
            version: 1,
            survey: Id::of_parts("survey", &[]),
            release: 3,
            epochs: vec![0, 1],
            session: Id::default(),
            plan: Id::default(),
            dataset_root: Id::default(),
            count: 20,
            tests: vec![true],
            leaks: vec![],
            self_reported: vec![],
            consumer: Identity::generate().public(),
            components: digests.map(Id),
        };
        World {
            keys: std::array::from_fn(|i| parties[i].public()),
            parties,
            consumer: OpeningKey::generate().unwrap(),
            results,
            statement,
        }
    }

    impl World {
        fn output(&self, party: u8, result: &rep3::Sealed, statement: &Statement) -> PartyOutput {
            let identity = &self.parties[usize::from(party)];
            let (statement, to) = (statement.clone(), self.consumer.public());
            PartyOutput::new(party, statement, result, &to, identity, &mut rand::rng()).unwrap()
        }

        fn outputs(&self) -> [PartyOutput; 3] {
            [0, 1, 2].map(|i| self.output(i, &self.results[usize::from(i)], &self.statement))
        }

        fn assemble(&self, outputs: &[PartyOutput; 3]) -> Result<Certificate, Code> {
            Certificate::assemble(outputs, &self.consumer, &self.keys).map_err(|refusal| refusal.code)
        }
    }

    #[test]
    fn honest_outputs_make_a_certificate() {
        let world = world();
        let certificate = world.assemble(&world.outputs()).unwrap();
        let sum: Vec<u8> =
            (0..10).map(|i| certificate.components.iter().fold(0, |x, c| x ^ c.bytes[i])).collect();
        assert_eq!(sum, b"the result");
        let mut altered = certificate.clone();
        altered.components[1].bytes[0] ^= 1;
        assert_eq!(altered.verify(&world.statement.survey, &world.keys).unwrap_err().code, Code::Conflict);
        let mut altered = certificate;
        altered.statement.count += 1;
        assert_eq!(
            altered.verify(&world.statement.survey, &world.keys).unwrap_err().code,
            Code::BadSignature
        );
    }

    #[test]
    fn a_party_that_alters_its_output_is_noticed() {
        let world = world();
        for party in 0..3u8 {
            for component in 0..2 {
                let mut pair = world.results[usize::from(party)].clone();
                [&mut pair.own, &mut pair.next][component].bytes[0] ^= 1;
                let mut outputs = world.outputs();
                outputs[usize::from(party)] = world.output(party, &pair, &world.statement);
                assert_eq!(world.assemble(&outputs), Err(Code::Conflict));
            }
            let mut statement = world.statement.clone();
            statement.count += 1;
            let mut outputs = world.outputs();
            outputs[usize::from(party)] = world.output(party, &world.results[usize::from(party)], &statement);
            assert_eq!(world.assemble(&outputs), Err(Code::Conflict));
        }
    }

    #[test]
    fn one_party_cannot_pass_for_another() {
        let world = world();
        let mut outputs = world.outputs();
        outputs[1] = PartyOutput { party: 1, ..outputs[0].clone() };
        assert_eq!(world.assemble(&outputs), Err(Code::UnreadableShares));
        let mut outputs = world.outputs();
        outputs[1].signature = outputs[0].signature;
        assert_eq!(world.assemble(&outputs), Err(Code::BadSignature));
    }
}
