//! What the engine asks of three-party computation. [`super::session`] answers with `rep3`; simulations
//! answer with a model, so that the engine itself runs in them unchanged.

use stats::Checked;
use survey::{Code, Id, Refusal};

use crate::admission::Commitment;
use crate::storage::BoxFuture;

/// One submission's part of a batch, at one party.
#[derive(Clone)]
pub struct Row {
    /// Components `i` and `i + 1` of what is shared, in full.
    pub shares: [Vec<u8>; 2],
    /// What each field must hash to.
    pub commitments: Vec<Commitment>,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({} fields, shares redacted)", self.commitments.len())
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.shares);
    }
}

/// A batch to compute.
#[derive(Debug)]
pub struct BatchJob {
    /// Names the computation; never used twice.
    pub session: Id,
    /// Hash of everything that the parties must agree on.
    pub inputs: Id,
    /// The rows, in order.
    pub rows: Vec<Row>,
}

/// What three-party computation says about a batch.
#[derive(Debug)]
pub struct BatchOutcome {
    /// For each row, why it is refused, if it is. The same at all parties.
    pub faults: Vec<Option<Code>>,
    /// The columns of the rows that stand.
    pub columns: Stored,
}

/// A party's two components of stored columns, each behind its salt, with the digests of all three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored(pub rep3::Sealed);

impl Stored {
    /// No columns, of no rows.
    pub fn empty() -> Self {
        let none = rep3::SealedComponent { bytes: Vec::new(), salt: [0; 32] };
        let digests = std::array::from_fn(|j| none.digest(j));
        Self(rep3::Sealed { own: none.clone(), next: none, digests })
    }

    /// The digests, as a record carries them.
    pub fn digests(&self) -> [Id; 3] {
        self.0.digests.map(Id)
    }

    /// As bytes: salts and digests, then both components.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = [self.0.own.salt, self.0.next.salt].concat();
        bytes.extend(self.0.digests.as_flattened());
        bytes.extend(&self.0.own.bytes);
        bytes.extend(&self.0.next.bytes);
        bytes
    }

    /// From bytes, checked against the digests of the record that all three parties signed.
    ///
    /// # Errors
    /// [`Code::TamperedStore`] if they are not what was signed.
    pub fn decode(bytes: &[u8], party: rep3::network::Party, signed: &[Id; 3]) -> Result<Self, Refusal> {
        let tampered = || Refusal::new(Code::TamperedStore, "share columns");
        let (head, components) = bytes.split_at_checked(5 * 32).ok_or_else(tampered)?;
        let word = |k: usize| head[32 * k..][..32].try_into().map_err(|_| tampered());
        let (own, next) = components.split_at(components.len() / 2);
        let stored = Self(rep3::Sealed {
            own: rep3::SealedComponent { bytes: own.to_vec(), salt: word(0)? },
            next: rep3::SealedComponent { bytes: next.to_vec(), salt: word(1)? },
            digests: [word(2)?, word(3)?, word(4)?],
        });
        if stored.digests() != *signed || stored.0.check(party).is_err() {
            return Err(tampered());
        }
        Ok(stored)
    }
}

/// A query to compute.
#[derive(Debug)]
pub struct QueryJob {
    /// Names the computation; never used twice.
    pub session: Id,
    /// The plan, checked.
    pub plan: Checked,
    /// Hash of the list of inputs.
    pub inputs: Id,
    /// The stored columns of every batch, in order, with their numbers of rows.
    pub batches: Vec<(Stored, u64)>,
}

/// What three-party computation says about a query.
#[derive(Debug)]
pub struct QueryOutcome {
    /// This party's components of the result, to be sealed to the consumer.
    pub result: rep3::Sealed,
    /// Which of the plan's tests held; opened to everybody.
    pub tests: Vec<bool>,
    /// What was opened besides the result, in words.
    pub leaks: Vec<String>,
}

/// Three-party computation, as the engine sees it.
pub trait Compute: Send + Sync {
    /// Checks and parses a batch.
    fn batch(&self, job: BatchJob) -> BoxFuture<'_, Result<BatchOutcome, Refusal>>;

    /// Runs a query.
    fn query(&self, job: QueryJob) -> BoxFuture<'_, Result<QueryOutcome, Refusal>>;
}
