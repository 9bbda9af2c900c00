//! The first level of the proofs over bits, which takes bits to GF(2^128).
//!
//! The gates of a batch are cut into tiles of 64 rows of 256 gates. Gate `s` of row `k` of tile `c` has the
//! weight `T_{c,h} psi_k x^(s mod 128)`, `h = s / 128`, with `T` and `psi` random. Whatever a prover did, the
//! error of a gate is a *bit*, and the powers `x^0 … x^127` are linearly independent over GF(2): the errors of
//! 128 gates cancel only if there are none, and weights need be drawn for 128 gates together only. What is
//! left is a polynomial of degree 2 in `T` and `psi`, so that a false statement passes with probability at
//! most 2/2^128. 128 gates are then simply an element of the field, and no table is needed to weigh them.
//!
//! The 64 rows of a tile are the coefficients of the polynomials of this level: chunk `(c, s)` is
//! `U(X) = sum_k u_{c,k,s} X^k` and `V(X) = sum_k v_{c,k,s} X^(63-k)`. The gates' statement is
//! `x_i y_{i+1} + y_i x_{i+1}`; its first products and its second products are two chunks of their own.

mod kernels;

use algebra::carryless::run;
use algebra::{Field, Gf128, LinearMap, Prg};
use kernels::{Claim, Correlate, Fold};

use super::gates::Gates;
use crate::executor::{Executor, Task, part};

/// Rows of a tile: the length of this level's polynomials.
pub(crate) const ROWS: usize = 64;
/// Words of a row.
const ROW_WORDS: usize = 4;
/// Words of a tile.
const TILE_WORDS: usize = ROWS * ROW_WORDS;
/// Gates of a row, and elements that a tile leaves.
const LANES: usize = 64 * ROW_WORDS;
/// Coefficients that this level sends: all but the claim.
pub(crate) const COEFFICIENTS: usize = 2 * ROWS - 2;

/// 64 rows of 256 gates, each row as two field elements: gate `s` is the coefficient of x^(s mod 128).
type Tile = [[Gf128; 2]; ROWS];

/// The random weights of a batch of gates.
pub(crate) struct Weights {
    /// `T_{c,0}`, `T_{c,1}` of every tile.
    tiles: Vec<[Gf128; 2]>,
    /// `psi_k` of every row of a tile.
    rows: [Gf128; ROWS],
}

impl Weights {
    pub fn draw(gates: &Gates, weights: &mut Prg) -> Self {
        let tiles = tiles(gates.x_own.words().len());
        Self {
            tiles: (0..tiles).map(|_| [weights.element(), weights.element()]).collect(),
            rows: std::array::from_fn(|_| weights.element()),
        }
    }
}

/// Elements that this level leaves in `u` and in `v`.
pub(crate) fn elements(gates: &Gates) -> usize {
    2 * LANES * tiles(gates.x_own.words().len())
}

fn tiles(words: usize) -> usize {
    words.div_ceil(TILE_WORDS)
}

/// The coefficients of this level that the prover shares.
pub(crate) fn coefficients(gates: &Gates, weights: &Weights, executor: &dyn Executor) -> Vec<Gf128> {
    let mut total = vec![Gf128::ZERO; COEFFICIENTS + 1];
    let tiles = weights.tiles.len();
    let size = part(tiles, 1, executor);
    let mut sums = vec![Vec::new(); tiles.div_ceil(size)];
    let tasks = sums.iter_mut().enumerate().map(|(index, sum)| -> Task<'_> {
        let tiles = index * size..tiles.min((index + 1) * size);
        Box::new(move || *sum = run(Correlate { gates, weights, tiles }))
    });
    executor.run(tasks.collect());
    for sum in sums {
        for (total, part) in total.iter_mut().zip(sum) {
            *total += part;
        }
    }
    total.remove(ROWS - 1);
    total
}

/// A verifier's share of the claim: the weighted sum of one bit a gate.
pub(crate) fn claim(bits: &[u64], weights: &Weights) -> Gf128 {
    run(Claim { bits, weights })
}

/// `U(r)` of every chunk: of the tiles of `first`, then of those of `second`.
pub(crate) fn fold_u(columns: [&[u64]; 2], point: Gf128, out: &mut [Gf128], executor: &dyn Executor) {
    fold(columns, &powers(point), None, out, executor);
}

/// `V(r)` of every chunk, with all weights.
pub(crate) fn fold_v(
    columns: [&[u64]; 2],
    weights: &Weights,
    point: Gf128,
    out: &mut [Gf128],
    executor: &dyn Executor,
) {
    let mut powers = powers(point);
    powers.reverse();
    for (power, &weight) in powers.iter_mut().zip(&weights.rows) {
        *power *= weight;
    }
    fold(columns, &powers, Some(&weights.tiles), out, executor);
}

/// The powers of a point, one a row.
fn powers(point: Gf128) -> [Gf128; ROWS] {
    let mut power = Gf128::ONE;
    std::array::from_fn(|_| {
        let this = power;
        power *= point;
        this
    })
}

/// The sums of the `powers` whose bit is set in a lane, over all lanes of all tiles, perhaps times the weight
/// of the lane.
fn fold(
    columns: [&[u64]; 2],
    powers: &[Gf128; ROWS],
    weights: Option<&[[Gf128; 2]]>,
    out: &mut [Gf128],
    executor: &dyn Executor,
) {
    let map = &LinearMap::new(powers);
    let tiles = tiles(columns[0].len());
    let size = part(tiles, 1, executor);
    let mut tasks: Vec<Task<'_>> = Vec::new();
    for (column, out) in columns.into_iter().zip(out.chunks_mut(LANES * tiles)) {
        for (index, out) in out.chunks_mut(LANES * size).enumerate() {
            let tile = index * size;
            tasks.push(Box::new(move || run(Fold { column, tile, map, weights, out })));
        }
    }
    executor.run(tasks);
}

/// Words `start..` of a column, which ends in zeros.
fn words<const N: usize>(column: &[u64], start: usize) -> [u64; N] {
    let start = start.min(column.len());
    let end = column.len().min(start + N);
    let mut words = [0; N];
    words[..end - start].copy_from_slice(&column[start..end]);
    words
}

#[cfg(test)]
mod tests;
