//! Verification: every message that a party sent is proven right before anything depends on it.
//!
//! Each party is prover in one proof a field and batch, and verifier in the proofs of the two others. All
//! assertions of a batch over one field (S1 to S4 of the design) are joined by random weights into one
//! inner product. The messages of the three proofs and both fields travel together, in four rounds:
//!
//! | | from | to | what |
//! |---|---|---|---|
//! | V1 | prover | left | its share of all coefficients, and the digest of what the prover sent right |
//! | V1 | prover | right | digests of those shares, and of what the prover sent left |
//! | V2 | left | right | the hash of all challenges |
//! | V3 | right | left | if the hash is its own: `v` folded to one masked element, and its claim |
//! | V4 | left | both others | the verdict |
//!
//! The right verifier discloses something only when both verifiers are known to use the same challenges, and
//! nobody opens anything without all three verdicts.

mod bits;
mod chain;
mod folding;
mod gates;
mod products;
mod proof;
mod protocol;
mod recursion;
mod terms;

use std::fmt;

use algebra::{Field, Fp, Gf128, Prg};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::abort::Abort;
use crate::network::Party;
use crate::session::Session;
use gates::Gates;
pub(crate) use products::{Outputs, Products};

/// Rounds that it takes to verify a batch.
pub(crate) const VERIFICATION_ROUNDS: usize = 4;

/// What one party contributes to the assertion `<u, v> = t_L + t_R` about what `prover` computed.
pub(crate) enum Side<F> {
    /// The prover knows both vectors.
    Prover {
        /// Known also to the left verifier.
        u: Vec<F>,
        /// Known also to the right verifier.
        v: Vec<F>,
    },
    /// The left verifier, `P_{i-1}` for prover `P_i`.
    Left {
        /// Known also to the prover.
        u: Vec<F>,
        /// `t_L`.
        claim: F,
    },
    /// The right verifier, `P_{i+1}` for prover `P_i`.
    Right {
        /// Known also to the prover.
        v: Vec<F>,
        /// `t_R`.
        claim: F,
    },
}

/// An assertion about messages already sent, to be proven when the batch closes.
///
/// All three parties assert it at the same point of the program, each for its own side.
pub(crate) struct Assertion<F> {
    /// Who claims to have computed rightly.
    pub prover: Party,
    /// The length of `u` and `v`.
    pub terms: usize,
    /// Makes this party's side, given the generator of the assertion's random weights. The three parties get
    /// generators in the same state; they must draw the same weights for the same things.
    pub side: SideMaker<F>,
}

/// See [`Assertion::side`].
pub(crate) type SideMaker<F> = Box<dyn FnOnce(&mut Prg) -> Side<F> + Send>;

impl<F> fmt::Debug for Assertion<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Assertion({} terms by {})", self.terms, self.prover)
    }
}

/// What has been sent in this session but not been proven.
#[derive(Default)]
pub(crate) struct Pending {
    pub gates: Gates,
    pub products: Products,
    binary: Vec<Assertion<Gf128>>,
    prime: Vec<Assertion<Fp>>,
    terms: usize,
    scratch: Both<Scratch<Gf128>, Scratch<Fp>>,
}

/// Memory for the vectors of one proof after another: fresh pages would cost as much as the arithmetic.
#[derive(Default, ZeroizeOnDrop)]
struct Scratch<F: Zeroize> {
    u: Vec<F>,
    v: Vec<F>,
}

impl<F: Field + Zeroize> Scratch<F> {
    /// Room for both vectors, with anything in it.
    fn both(&mut self, terms: usize) -> (&mut [F], &mut [F]) {
        (room(&mut self.u, terms), room(&mut self.v, terms))
    }
}

/// The first `terms` elements, with anything in them.
fn room<F: Field + Zeroize>(vector: &mut Vec<F>, terms: usize) -> &mut [F] {
    if vector.len() < terms {
        // Memory that is too small is let go of, without the secrets in it.
        vector.zeroize();
        *vector = vec![F::ZERO; terms];
    }
    &mut vector[..terms]
}

/// Something for each of the two fields.
#[derive(Default)]
pub(crate) struct Both<B, P> {
    pub binary: B,
    pub prime: P,
}

impl Pending {
    /// Forgets everything but keeps the memory.
    fn clear(&mut self) {
        self.gates.clear();
        self.products.clear();
        self.binary.clear();
        self.prime.clear();
        self.terms = 0;
    }

    fn is_empty(&self) -> bool {
        self.gates.len() == 0
            && self.products.outputs() == 0
            && self.binary.is_empty()
            && self.prime.is_empty()
    }
}

/// A value whose whole computation has been verified, and which may therefore be opened.
///
/// Only [`Session::verify`] makes one. What is computed from verified values without communication becomes verified
/// by the same call, at no cost as long as nothing is pending.
///
/// A share that is not verified cannot be opened:
///
/// ```compile_fail,E0308
/// # use rep3::{Abort, BitShare, Session, and, open};
/// fn hasty(x: &BitShare, session: &mut Session) -> Result<algebra::Bits, Abort> {
///     let square = and(x, x, session)?;
///     open(&square, session)
/// }
/// ```
///
/// nor sealed for a consumer:
///
/// ```compile_fail,E0308
/// # use rep3::{Abort, BitShare, Sealed, Session, and, seal};
/// fn hasty(x: &BitShare, session: &mut Session) -> Result<Sealed, Abort> {
///     let square = and(x, x, session)?;
///     seal(&square, session)
/// }
/// ```
///
/// and nothing outside this crate declares it verified:
///
/// ```compile_fail,E0423
/// # use rep3::{BitShare, Verified};
/// fn declare(x: BitShare) -> Verified<BitShare> {
///     Verified(x)
/// }
/// ```
#[derive(Clone)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The shares.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The shares, to compute on.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Verified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verified(..)")
    }
}

impl Session {
    /// Verifies everything pending, over both fields, and says so of `value`, which must have been computed in this
    /// session or verified before. Four rounds, unless nothing is pending.
    ///
    /// # Errors
    /// [`Abort`] if a party cheated or is gone.
    pub fn verify<T>(&mut self, value: T) -> Result<Verified<T>, Abort> {
        self.verify_pending()?;
        Ok(Verified(value))
    }

    /// Verifies everything pending.
    ///
    /// # Errors
    /// [`Abort`] if a party cheated or is gone.
    pub fn verify_pending(&mut self) -> Result<(), Abort> {
        if self.pending.is_empty() {
            return Ok(());
        }
        protocol::run(self)
    }

    /// Queues an assertion over GF(2^128).
    ///
    /// # Errors
    /// [`Abort`] if a batch was full and its verification failed.
    pub(crate) fn assert_binary(&mut self, assertion: Assertion<Gf128>) -> Result<(), Abort> {
        self.make_room(0, assertion.terms)?;
        self.pending.terms += assertion.terms;
        self.pending.binary.push(assertion);
        Ok(())
    }

    /// Queues an assertion over `F_p`.
    ///
    /// # Errors
    /// [`Abort`] if a batch was full and its verification failed.
    pub(crate) fn assert_prime(&mut self, assertion: Assertion<Fp>) -> Result<(), Abort> {
        self.make_room(0, assertion.terms)?;
        self.pending.terms += assertion.terms;
        self.pending.prime.push(assertion);
        Ok(())
    }

    /// Queues assertions over `F_p` about the same columns, one by each party as prover, for which room was made. They
    /// count as one: their vectors are made one after another.
    pub(crate) fn assert_by_each(
        &mut self,
        terms: usize,
        sides: impl Iterator<Item = (Party, SideMaker<Fp>)>,
    ) {
        self.pending.terms += terms;
        self.pending.prime.extend(sides.map(|(prover, side)| Assertion { prover, terms, side }));
    }

    /// Closes the batch if so many more gates or terms would exceed its limits.
    pub(crate) fn make_room(&mut self, ands: usize, terms: usize) -> Result<(), Abort> {
        let pending_terms = self.pending.products.len() + self.pending.terms;
        let full =
            self.pending.gates.len() + ands > self.limits.ands || pending_terms + terms > self.limits.terms;
        if full { self.verify_pending() } else { Ok(()) }
    }
}
