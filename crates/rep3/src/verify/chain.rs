//! Challenges: every one depends on the statement, the messages it is about and all earlier proof messages.

use algebra::{Field, Prg, Transcript};

use crate::network::Party;

/// What a proof is about, apart from the shares themselves.
pub(crate) struct Statement<'a> {
    /// The session.
    pub sid: &'a [u8; 32],
    /// The field the proof works in.
    pub field: &'static str,
    /// The batch, counted from 0.
    pub batch: u64,
    /// Who proves.
    pub prover: Party,
    /// Numbers of gates, outputs and terms.
    pub shape: &'a [u64],
    /// Salted digest of everything the prover sent to its left party.
    pub sent_left: &'a [u8; 32],
    /// Salted digest of everything the prover sent to its right party.
    pub sent_right: &'a [u8; 32],
}

/// The chain of challenges of one proof (Fiat and Shamir).
#[derive(Clone)]
pub(crate) struct Chain {
    transcript: Transcript,
    level: u64,
}

impl Chain {
    /// The chain of a statement, before any proof message.
    pub fn new(statement: &Statement<'_>) -> Self {
        let mut transcript = Transcript::new("mpcstats/rep3/proof/v1");
        transcript.append("session", statement.sid);
        transcript.append("field", statement.field.as_bytes());
        transcript.append_u64("batch", statement.batch);
        transcript.append_u64("prover", statement.prover.index() as u64);
        for &number in statement.shape {
            transcript.append_u64("shape", number);
        }
        transcript.append("sent left", statement.sent_left);
        transcript.append("sent right", statement.sent_right);
        Self { transcript, level: 0 }
    }

    /// The generator of the weights of one assertion of the batch, numbered from 0. To be called before any
    /// level is absorbed.
    pub fn weights(&self, assertion: u64) -> Prg {
        let mut transcript = self.transcript.clone();
        transcript.append_u64("assertion", assertion);
        Prg::from_digest(&transcript.challenge("weights"))
    }

    /// Takes the digest of a level's message and returns the point at which the level is evaluated.
    ///
    /// The point is not zero: at zero, the mask of the last level would vanish (spec, §3.3).
    pub fn absorb<F: Field>(&mut self, digest: &[u8; 32]) -> F {
        self.transcript.append_u64("level", self.level);
        self.transcript.append("digest", digest);
        self.level += 1;
        loop {
            let point = Prg::from_digest(&self.transcript.challenge("point")).element::<F>();
            if point != F::ZERO {
                return point;
            }
        }
    }

    /// What both verifiers must agree on: a hash of the whole chain.
    pub fn digest(&self) -> [u8; 32] {
        self.transcript.digest()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use algebra::Fp;

    use super::*;

    #[test]
    fn every_part_of_a_statement_changes_all_weights_and_points() {
        let (a, b) = ([1; 32], [2; 32]);
        let statement = || Statement {
            sid: &a,
            field: "a",
            batch: 1,
            prover: Party::P0,
            shape: &[3, 4],
            sent_left: &a,
            sent_right: &a,
        };
        let statements = [
            statement(),
            Statement { sid: &b, ..statement() },
            Statement { field: "b", ..statement() },
            Statement { batch: 2, ..statement() },
            Statement { prover: Party::P1, ..statement() },
            Statement { shape: &[4, 3], ..statement() },
            Statement { shape: &[3, 4, 0], ..statement() },
            Statement { sent_left: &b, ..statement() },
            Statement { sent_right: &b, ..statement() },
        ];
        let mut seen = HashSet::new();
        for statement in &statements {
            let mut chain = Chain::new(statement);
            assert!((0..3).all(|assertion| seen.insert(chain.weights(assertion).block())));
            assert!((0..3).all(|_| seen.insert(chain.absorb::<Fp>(&[5; 32]).value())));
        }
    }

    #[test]
    fn every_point_depends_on_all_messages_before_it() {
        let (a, b) = ([1; 32], [2; 32]);
        let points = |digests: [&[u8; 32]; 3]| {
            let statement = Statement {
                sid: &a,
                field: "a",
                batch: 1,
                prover: Party::P0,
                shape: &[],
                sent_left: &a,
                sent_right: &a,
            };
            let mut chain = Chain::new(&statement);
            (digests.map(|digest| chain.absorb::<Fp>(digest)), chain.digest())
        };
        let (first, end) = points([&a, &a, &a]);
        for changed in 0..3 {
            let mut digests = [&a; 3];
            digests[changed] = &b;
            let (other, other_end) = points(digests);
            for (level, (one, other)) in first.iter().zip(&other).enumerate() {
                assert_eq!(one == other, level < changed, "message {changed}, point {level}");
            }
            assert_ne!(end, other_end);
        }
    }
}
