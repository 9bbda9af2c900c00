//! The proof that `<u, v> = t_L + t_R`, where the prover and the left verifier know `u`, the prover and the
//! right verifier know `v`, and each verifier knows its `t` (D. Boneh, E. Boyle, H. Corrigan-Gibbs, N. Gilboa,
//! Y. Ishai, CRYPTO 2019 and CCS 2019).
//!
//! A level cuts `u` and `v` into chunks, reads them as polynomials `U_c`, `V_c` such that one coefficient of
//! `g = sum U_c V_c` is the inner product, and shares the other coefficients of `g` between the verifiers,
//! who put their own claim in the gap. Evaluating at a random point leaves the same kind of statement about
//! vectors a chunk's length shorter. In the last level one chunk is left and a random coefficient masks `V`.
//!
//! Chunks are `(u[c], u[c + half])`: with two elements a chunk, `g` has two coefficients besides the claim,
//! and each is a plain inner product of halves.

use algebra::{Field, encode, hmac};

use super::chain::Chain;
use crate::prss::{Key, Purpose, Tag};

/// Vectors up to this length are dealt with in one masked level.
pub(crate) const LAST: usize = 8;

/// How many coefficients each level of a proof about `terms` terms sends, first level first.
pub(crate) fn levels(mut terms: usize) -> Vec<usize> {
    let mut levels = Vec::new();
    while terms > LAST {
        levels.push(2);
        terms = terms.div_ceil(2);
    }
    levels.push(2 * terms.max(1) - 1);
    levels
}

/// One side of a proof's keys: pseudorandom output under a key shared with another party.
#[derive(Clone, Copy)]
pub(crate) struct ProofKey<'a> {
    pub key: &'a Key,
    pub step: u64,
}

impl ProofKey<'_> {
    /// The right verifier's share of the coefficients of a level: prover and right verifier derive it.
    fn shares<F: Field>(&self, level: u64, count: usize) -> Vec<F> {
        let tag = Tag { purpose: Purpose::ProofShare, step: self.step };
        self.key.elements_from(tag, u128::from(level) << 32, count)
    }

    /// The mask of the last level: prover and right verifier derive it.
    fn mask<F: Field>(&self) -> F {
        self.key.elements(Tag { purpose: Purpose::ProofMask, step: self.step }, 1)[0]
    }

    /// The digest of a level's message to the left verifier. Salted with a key that the right verifier does
    /// not have, who could otherwise search for the message.
    fn digest<F: Field>(&self, level: u64, message: &[F]) -> [u8; 32] {
        let tag = Tag { purpose: Purpose::Salt, step: self.step };
        hmac(&self.key.bytes32(tag, 2 * u128::from(level)), &encode(message))
    }
}

/// The prover's side of one proof.
pub(crate) struct Prover<'a, F> {
    chain: Chain,
    /// Shared with the left verifier.
    left: ProofKey<'a>,
    /// Shared with the right verifier.
    right: ProofKey<'a>,
    /// The messages to the left verifier, level after level.
    pub message: Vec<F>,
    /// Their digests, for the right verifier.
    pub digests: Vec<[u8; 32]>,
}

impl<'a, F: Field> Prover<'a, F> {
    pub fn new(chain: Chain, left: ProofKey<'a>, right: ProofKey<'a>) -> Self {
        Self { chain, left, right, message: Vec::new(), digests: Vec::new() }
    }

    /// Shares the coefficients of a level and returns the point of evaluation.
    pub fn publish(&mut self, coefficients: &[F]) -> F {
        let level = self.digests.len() as u64;
        let right: Vec<F> = self.right.shares(level, coefficients.len());
        let left: Vec<F> = coefficients.iter().zip(right).map(|(&g, right)| g - right).collect();
        let digest = self.left.digest(level, &left);
        self.message.extend(left);
        self.digests.push(digest);
        self.chain.absorb(&digest)
    }

    /// Proves the statement about these vectors.
    pub fn finish(&mut self, mut u: Vec<F>, mut v: Vec<F>) {
        while u.len() > LAST {
            let half = u.len().div_ceil(2);
            let low_high = F::inner_product(&u[..half], &v[half..]);
            let high_low = F::inner_product(&u[half..], &v[..half]);
            let point = self.publish(&[low_high, high_low]);
            halve_u(&mut u, point);
            halve_v(&mut v, point);
        }
        u.resize(u.len().max(1), F::ZERO);
        v.resize(u.len(), F::ZERO);
        self.publish(&last_level(&u, &v, self.right.mask()));
    }

    /// The hash of all challenges.
    pub fn challenges(&self) -> [u8; 32] {
        self.chain.digest()
    }
}

/// The left verifier's side of one proof.
pub(crate) struct Left<'a, F> {
    chain: Chain,
    key: ProofKey<'a>,
    message: &'a [F],
    level: u64,
    /// Its share of the claimed inner product.
    pub claim: F,
}

impl<'a, F: Field> Left<'a, F> {
    pub fn new(chain: Chain, key: ProofKey<'a>, message: &'a [F]) -> Self {
        Self { chain, key, message, level: 0, claim: F::ZERO }
    }

    /// Takes the next `count` coefficients, puts the claim at `gap`, and evaluates at the point returned.
    pub fn receive(&mut self, count: usize, gap: usize) -> F {
        let (coefficients, rest) = self.message.split_at(count.min(self.message.len()));
        self.message = rest;
        let point = self.chain.absorb(&self.key.digest(self.level, coefficients));
        self.level += 1;
        self.claim = evaluate(coefficients, self.claim, gap, point);
        point
    }

    /// Returns `u` folded to one element; `claim` is then its share of the claimed product with the right
    /// verifier's element.
    pub fn finish(&mut self, mut u: Vec<F>) -> F {
        while u.len() > LAST {
            let point = self.receive(2, 1);
            halve_u(&mut u, point);
        }
        let width = u.len().max(1);
        let point = self.receive(2 * width - 1, width - 1);
        F::inner_product(&u, &point.powers(width))
    }

    /// The hash of all challenges.
    pub fn challenges(&self) -> [u8; 32] {
        self.chain.digest()
    }
}

/// The right verifier's side of one proof.
pub(crate) struct Right<'a, F> {
    chain: Chain,
    key: ProofKey<'a>,
    digests: &'a [[u8; 32]],
    level: u64,
    /// Its share of the claimed inner product.
    pub claim: F,
}

impl<'a, F: Field> Right<'a, F> {
    pub fn new(chain: Chain, key: ProofKey<'a>, digests: &'a [[u8; 32]]) -> Self {
        Self { chain, key, digests, level: 0, claim: F::ZERO }
    }

    /// The same as [`Left::receive`], from the digest and from the coefficients that it derives itself.
    pub fn receive(&mut self, count: usize, gap: usize) -> F {
        let coefficients: Vec<F> = self.key.shares(self.level, count);
        let digest = self.digests.get(self.level as usize).copied().unwrap_or_default();
        let point = self.chain.absorb(&digest);
        self.level += 1;
        self.claim = evaluate(&coefficients, self.claim, gap, point);
        point
    }

    /// Returns `v` folded to one, uniformly random, element.
    pub fn finish(&mut self, mut v: Vec<F>) -> F {
        while v.len() > LAST {
            let point = self.receive(2, 1);
            halve_v(&mut v, point);
        }
        let width = v.len().max(1);
        let point = self.receive(2 * width - 1, width - 1);
        let powers = point.powers(width + 1);
        v.resize(width, F::ZERO);
        v.reverse();
        F::inner_product(&v, &powers) + self.key.mask::<F>() * powers[width]
    }

    /// The hash of all challenges.
    pub fn challenges(&self) -> [u8; 32] {
        self.chain.digest()
    }
}

/// `u[c] + r u[c + half]`.
fn halve_u<F: Field>(u: &mut Vec<F>, point: F) {
    let half = u.len().div_ceil(2);
    let (low, high) = u.split_at_mut(half);
    F::add_multiple(low, point, high);
    u.truncate(half);
}

/// `r v[c] + v[c + half]`.
fn halve_v<F: Field>(v: &mut Vec<F>, point: F) {
    let half = v.len().div_ceil(2);
    v.resize(2 * half, F::ZERO);
    let (low, high) = v.split_at_mut(half);
    F::add_multiple(high, point, low);
    low.copy_from_slice(high);
    v.truncate(half);
}

/// All coefficients of `U(X) (V(X) + mask X^width)` but the claim, where `V` is `v` reversed.
fn last_level<F: Field>(u: &[F], v: &[F], mask: F) -> Vec<F> {
    let width = u.len();
    let mut coefficients = vec![F::ZERO; 2 * width];
    let masked: Vec<F> = v.iter().rev().copied().chain([mask]).collect();
    for (i, &a) in u.iter().enumerate() {
        for (j, &b) in masked.iter().enumerate() {
            coefficients[i + j] += a * b;
        }
    }
    coefficients.remove(width - 1);
    coefficients
}

/// The polynomial with these coefficients, and with `claim` inserted at `gap`, at a point.
fn evaluate<F: Field>(coefficients: &[F], claim: F, gap: usize, point: F) -> F {
    let (low, high) = coefficients.split_at(gap.min(coefficients.len()));
    let backwards = high.iter().rev().chain([&claim]).chain(low.iter().rev());
    backwards.fold(F::ZERO, |sum, &coefficient| sum * point + coefficient)
}

#[cfg(test)]
mod tests;
