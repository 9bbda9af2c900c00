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

mod portable;

use algebra::{Field, Gf128, Prg, transpose64};

use super::gates::Gates;
use crate::executor::{Executor, Task};

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

type Tile = [u64; TILE_WORDS];

/// The random weights of a batch of gates.
pub(crate) struct Weights {
    /// `T_{c,0}`, `T_{c,1}` of every tile.
    tiles: Vec<[Gf128; 2]>,
    /// `psi_k` of every row of a tile.
    rows: [Gf128; ROWS],
}

impl Weights {
    pub fn draw(gates: &Gates, weights: &mut Prg) -> Self {
        let tiles = tiles(gates.x_own.len());
        Self {
            tiles: (0..tiles).map(|_| [weights.element(), weights.element()]).collect(),
            rows: std::array::from_fn(|_| weights.element()),
        }
    }
}

/// Elements that this level leaves in `u` and in `v`.
pub(crate) fn elements(gates: &Gates) -> usize {
    2 * LANES * tiles(gates.x_own.len())
}

fn tiles(words: usize) -> usize {
    words.div_ceil(TILE_WORDS)
}

/// The coefficients of this level that the prover shares.
pub(crate) fn coefficients(gates: &Gates, weights: &Weights, executor: &dyn Executor) -> Vec<Gf128> {
    let parts = parts(weights.tiles.len(), executor);
    let mut sums = vec![vec![Gf128::ZERO; COEFFICIENTS + 1]; parts.len()];
    let tasks = parts.into_iter().zip(&mut sums).map(|(part, sum)| -> Task<'_> {
        Box::new(move || *sum = portable::correlate(gates, weights, part))
    });
    executor.run(tasks.collect());
    let mut total = sums.pop().unwrap_or_else(|| vec![Gf128::ZERO; COEFFICIENTS + 1]);
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
    let mut sum = Gf128::ZERO;
    for (c, tile_weights) in weights.tiles.iter().enumerate() {
        let tile = tile(bits, c);
        for (half, &weight) in tile_weights.iter().enumerate() {
            let rows: [Gf128; ROWS] = std::array::from_fn(|k| half_row(&tile, k, half));
            sum += weight * Gf128::inner_product(&rows, &weights.rows);
        }
    }
    sum
}

/// `U(r)` of every chunk: of the tiles of `first`, then of those of `second`.
pub(crate) fn fold_u(first: &[u64], second: &[u64], point: Gf128, executor: &dyn Executor) -> Vec<Gf128> {
    let powers = point.powers(ROWS);
    fold(first, second, &powers, None, executor)
}

/// `V(r)` of every chunk, with all weights.
pub(crate) fn fold_v(
    first: &[u64],
    second: &[u64],
    weights: &Weights,
    point: Gf128,
    executor: &dyn Executor,
) -> Vec<Gf128> {
    let mut powers = point.powers(ROWS);
    powers.reverse();
    for (power, &weight) in powers.iter_mut().zip(&weights.rows) {
        *power *= weight;
    }
    fold(first, second, &powers, Some(&weights.tiles), executor)
}

/// The sums of the `powers` whose bit is set in a lane, over all lanes of all tiles, perhaps times the weight
/// of the lane.
fn fold(
    first: &[u64],
    second: &[u64],
    powers: &[Gf128],
    weights: Option<&[[Gf128; 2]]>,
    executor: &dyn Executor,
) -> Vec<Gf128> {
    let tables = byte_tables(powers);
    let tiles = tiles(first.len());
    let mut elements = vec![Gf128::ZERO; 2 * LANES * tiles];
    let (low, high) = elements.split_at_mut(LANES * tiles);
    let mut tasks: Vec<Task<'_>> = Vec::new();
    for (column, out) in [(first, low), (second, high)] {
        let size = tiles.div_ceil(executor.width()).max(1);
        for (part, out) in out.chunks_mut(LANES * size).enumerate() {
            let tables = &tables;
            tasks.push(Box::new(move || {
                for (index, lanes) in out.chunks_exact_mut(LANES).enumerate() {
                    let c = part * size + index;
                    fold_tile(&tile(column, c), tables, lanes);
                    if let Some(weights) = weights {
                        weigh(&weights[c], lanes);
                    }
                }
            }));
        }
    }
    executor.run(tasks);
    elements
}

/// Multiplies lane `s` by `T_h x^(s mod 128)`.
fn weigh(weights: &[Gf128; 2], lanes: &mut [Gf128]) {
    for (half, &weight) in lanes.chunks_exact_mut(128).zip(weights) {
        let mut weight = weight;
        for lane in half {
            *lane *= weight;
            weight = times_x(weight);
        }
    }
}

/// The product with x.
fn times_x(a: Gf128) -> Gf128 {
    let a = a.value();
    Gf128::new((a << 1) ^ ((a >> 127) * 0x87))
}

/// `table[b][byte]` is the sum of the powers `8 b + i` over the set bits `i` of the byte.
fn byte_tables(powers: &[Gf128]) -> Vec<[Gf128; 256]> {
    let table = |powers: &[Gf128]| {
        let mut table = [Gf128::ZERO; 256];
        for byte in 1..256usize {
            table[byte] = table[byte & (byte - 1)] + powers[byte.trailing_zeros() as usize];
        }
        table
    };
    powers.chunks_exact(8).map(table).collect()
}

/// Looks up the 64 bits of every lane of a tile.
fn fold_tile(tile: &Tile, tables: &[[Gf128; 256]], lanes: &mut [Gf128]) {
    for (word, lanes) in lanes.chunks_exact_mut(64).enumerate() {
        let mut block: [u64; 64] = std::array::from_fn(|k| tile[k * ROW_WORDS + word]);
        transpose64(&mut block);
        for (lane, bits) in lanes.iter_mut().zip(block) {
            let bytes = bits.to_le_bytes();
            *lane = tables.iter().zip(bytes).map(|(table, byte)| table[usize::from(byte)]).sum();
        }
    }
}

/// Half a row as a field element: gate `s` is the coefficient of x^(s mod 128).
fn half_row(tile: &Tile, k: usize, half: usize) -> Gf128 {
    let start = k * ROW_WORDS + 2 * half;
    Gf128::new(u128::from(tile[start]) | u128::from(tile[start + 1]) << 64)
}

/// Tile `c` of a column, which ends in zeros.
fn tile(words: &[u64], c: usize) -> Tile {
    let start = words.len().min(c * TILE_WORDS);
    let end = words.len().min(start + TILE_WORDS);
    let mut tile = [0; TILE_WORDS];
    tile[..end - start].copy_from_slice(&words[start..end]);
    tile
}

/// Cuts the tiles into one range for each task that the executor can run at once.
fn parts(tiles: usize, executor: &dyn Executor) -> Vec<std::ops::Range<usize>> {
    let size = tiles.div_ceil(executor.width()).max(1);
    (0..tiles).step_by(size).map(|start| start..tiles.min(start + size)).collect()
}
