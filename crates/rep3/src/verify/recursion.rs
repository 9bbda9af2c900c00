//! The proof that `<u, v> = t_L + t_R`, where the prover and the left verifier know `u`, the prover and the
//! right verifier know `v`, and each verifier knows its `t` (D. Boneh, E. Boyle, H. Corrigan-Gibbs, N. Gilboa,
//! Y. Ishai, CRYPTO 2019 and CCS 2019).
//!
//! A level cuts `u` and `v` into chunks, reads them as polynomials `U_c`, `V_c` such that one coefficient of
//! `g = sum U_c V_c` is the inner product, and shares the other coefficients of `g` between the verifiers,
//! who put their own claim in the gap. Evaluating at a random point leaves the same kind of statement about
//! vectors a chunk's length shorter. In the last level one chunk is left, and a random coefficient masks each of `U`
//! and `V`: the right verifier discloses `V(r)`, which must say nothing; and whether the left verifier accepts must
//! not say anything about `U(r)` to a right verifier that discloses something else. (The design masks `V` alone. A
//! right verifier that adds `d` to `V(r)` and `d` times a guess of `U(r)` to its claim would then be accepted if
//! and only if it guessed right.)
//!
//! Chunks are `(u[c], u[c + half])`: with two elements a chunk, `g` has two coefficients besides the claim,
//! and each is a plain inner product of halves. Vectors are folded in place, and the prover multiplies the
//! halves of what it folds while they are in cache: one pass over memory a level.

use algebra::{Field, encode, hmac};

use super::chain::Chain;
use crate::executor::{Executor, Task, part};
use crate::prss::{Key, Purpose, Tag};

/// Vectors up to this length are dealt with in one masked level.
pub(crate) const LAST: usize = 8;

/// The length of a vector after a level. Vectors count as padded with zeros to a power of two: so all levels halve
/// alike, and verifiers need not fold level by level (see [`super::folding`]).
fn half(terms: usize) -> usize {
    terms.next_power_of_two() / 2
}

/// Elements of each quarter of a vector that are folded and multiplied together: what fits into the first cache.
const BLOCK: usize = 128;

/// Places worth a task of their own.
const TASK: usize = 4096;

/// How many coefficients each level of a proof about `terms` terms sends, first level first.
pub(crate) fn levels(mut terms: usize) -> Vec<usize> {
    let mut levels = Vec::new();
    while terms > LAST {
        levels.push(2);
        terms = half(terms);
    }
    levels.push(2 * terms.max(1));
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
    pub fn shares<F: Field>(&self, level: u64, count: usize) -> Vec<F> {
        let tag = Tag { purpose: Purpose::ProofShare, step: self.step };
        self.key.elements_from(tag, u128::from(level) << 32, count)
    }

    /// A mask of the last level: [`Purpose::LeftMask`] for `U`, under the key of prover and left verifier, and
    /// [`Purpose::RightMask`] for `V`, under that of prover and right verifier.
    pub fn mask<F: Field>(&self, purpose: Purpose) -> F {
        self.key.elements(Tag { purpose, step: self.step }, 1)[0]
    }

    /// The digest of a level's message to the left verifier. Salted with a key that the right verifier does
    /// not have, who could otherwise search for the message.
    pub fn digest<F: Field>(&self, level: u64, message: &[F]) -> [u8; 32] {
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

    /// Proves the statement about these vectors, which it folds.
    pub fn finish(&mut self, mut u: &mut [F], mut v: &mut [F], executor: &dyn Executor) {
        if u.len() > LAST {
            let mut coefficients = cross_products(u, v, executor);
            while u.len() > LAST {
                let point = self.publish(&coefficients);
                coefficients = fold(u, v, point, executor);
                let half = half(u.len());
                (u, v) = (&mut u[..half], &mut v[..half]);
            }
        }
        let masks = [self.left.mask(Purpose::LeftMask), self.right.mask(Purpose::RightMask)];
        self.publish(&last_level(u, v, masks));
    }

    /// The hash of all challenges.
    pub fn challenges(&self) -> [u8; 32] {
        self.chain.digest()
    }
}

/// The two coefficients of a level: `sum u[c] v[c + half]` and `sum u[c + half] v[c]`.
fn cross_products<F: Field>(u: &[F], v: &[F], executor: &dyn Executor) -> [F; 2] {
    let half = half(u.len());
    let size = part(half, TASK, executor);
    let (u, v) = (u.split_at(half), v.split_at(half));
    let mut sums = vec![[F::ZERO; 2]; half.div_ceil(size)];
    let tasks = sums.iter_mut().enumerate().map(|(index, sums)| -> Task<'_> {
        let places = |x| window(x, index * size, size);
        let (u, v) = ([places(u.0), places(u.1)], [places(v.0), places(v.1)]);
        Box::new(move || *sums = [F::inner_product(u[0], v[1]), F::inner_product(u[1], v[0])])
    });
    executor.run(tasks.collect());
    total(&sums)
}

/// Folds both vectors into their first halves and returns the coefficients of the next level.
fn fold<F: Field>(u: &mut [F], v: &mut [F], point: F, executor: &dyn Executor) -> [F; 2] {
    let quarter = half(u.len()) / 2;
    let size = part(quarter, TASK, executor);
    let mut sums = vec![[F::ZERO; 2]; quarter.div_ceil(size)];
    let parts = Quarters::cut(u, size).zip(Quarters::cut(v, size));
    let tasks = sums
        .iter_mut()
        .zip(parts)
        .map(|(sums, (u, v))| -> Task<'_> { Box::new(move || *sums = fold_part(u, v, point)) });
    executor.run(tasks.collect());
    total(&sums)
}

/// The same places of all four quarters of a vector: the first two are folded with the last two.
struct Quarters<'a, F> {
    low: [&'a mut [F]; 2],
    high: [&'a [F]; 2],
}

impl<'a, F> Quarters<'a, F> {
    /// Cuts the quarters of a vector into parts. If the length is no power of two, the later ones are shorter.
    fn cut(vector: &'a mut [F], size: usize) -> impl Iterator<Item = Self> {
        let half = half(vector.len());
        let quarter = half / 2;
        let (low, high) = vector.split_at_mut(half);
        let (first, second) = low.split_at_mut(quarter);
        let (third, fourth) = high.split_at(quarter.min(high.len()));
        let second = second.chunks_mut(size).chain(std::iter::repeat_with(Default::default));
        first.chunks_mut(size).zip(second).enumerate().map(move |(index, (first, second))| {
            let places = |x| window(x, index * size, size);
            Self { low: [first, second], high: [places(third), places(fourth)] }
        })
    }
}

fn fold_part<F: Field>(mut u: Quarters<'_, F>, mut v: Quarters<'_, F>, point: F) -> [F; 2] {
    let mut sums = [F::ZERO; 2];
    for start in (0..u.low[0].len()).step_by(BLOCK) {
        let [u_first, u_second] = u.low.each_mut().map(|low| window_mut(low, start, BLOCK));
        let [v_first, v_second] = v.low.each_mut().map(|low| window_mut(low, start, BLOCK));
        F::add_multiple(u_first, point, window(u.high[0], start, BLOCK));
        F::add_multiple(u_second, point, window(u.high[1], start, BLOCK));
        F::scale_and_add(v_first, point, window(v.high[0], start, BLOCK));
        F::scale_and_add(v_second, point, window(v.high[1], start, BLOCK));
        sums[0] += F::inner_product(u_first, v_second);
        sums[1] += F::inner_product(u_second, v_first);
    }
    sums
}

/// Up to `size` elements from `start` on, as far as the slice goes.
fn window<T>(slice: &[T], start: usize, size: usize) -> &[T] {
    let rest = slice.get(start..).unwrap_or_default();
    &rest[..size.min(rest.len())]
}

/// As [`window`].
fn window_mut<T>(slice: &mut [T], start: usize, size: usize) -> &mut [T] {
    let rest = slice.get_mut(start..).unwrap_or_default();
    let size = size.min(rest.len());
    &mut rest[..size]
}

fn total<F: Field>(sums: &[[F; 2]]) -> [F; 2] {
    [0, 1].map(|index| sums.iter().map(|sums| sums[index]).sum())
}

/// All coefficients of `(U(X) + p X^width) (V(X) + q X^width)` but the claim, where `V` is `v` reversed and `[p, q]`
/// are the masks. The claim's coefficient, that of `X^(width - 1)`, is the same without masks. Empty vectors count as
/// one zero.
fn last_level<F: Field>(u: &[F], v: &[F], masks: [F; 2]) -> Vec<F> {
    let width = u.len().max(1);
    let padding = vec![F::ZERO; width - u.len()];
    let masked_u = u.iter().chain(&padding).chain(&masks[..1]);
    let masked_v: Vec<F> = v.iter().rev().chain(&padding).chain(&masks[1..]).copied().collect();
    let mut coefficients = vec![F::ZERO; 2 * width + 1];
    for (i, &a) in masked_u.enumerate() {
        for (j, &b) in masked_v.iter().enumerate() {
            coefficients[i + j] += a * b;
        }
    }
    coefficients.remove(width - 1);
    coefficients
}

#[cfg(test)]
mod tests;
