//! The inner loops of the first level, written once for every instruction set.
#![allow(clippy::inline_always, reason = "a kernel must be compiled for the instructions it is run with")]

use std::ops::Range;

use algebra::carryless::{Carryless, Kernel};
use algebra::{Gf128, transpose64};

use super::{COEFFICIENTS, LANES, ROW_WORDS, ROWS, TILE_WORDS, Tile, Weights, words};
use crate::verify::gates::Gates;

/// All coefficients of `g` summed over a range of tiles, but for the claim, which is left zero.
#[derive(Clone)]
pub(super) struct Correlate<'a> {
    pub gates: &'a Gates,
    pub weights: &'a Weights,
    pub tiles: Range<usize>,
}

impl Kernel for Correlate<'_> {
    type Output = Vec<Gf128>;

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) -> Vec<Gf128> {
        let mut sums = vec![c.sum(); COEFFICIENTS + 1];
        for index in self.tiles {
            let [x, y] = [&self.gates.x_own, &self.gates.y_own].map(|column| tile(column, index));
            let [x_next, y_next] = [&self.gates.x_next, &self.gates.y_next].map(|column| tile(column, index));
            let weights = row_weights(c, &self.weights.rows, self.weights.tiles[index]);
            let halves = halves(c, &weights);
            for half in (0..2).step_by(C::LANES) {
                for distance in 1..ROWS {
                    // Rows of `u` that come `distance` after, then before, the row of `v`.
                    let sum = &mut sums[ROWS - 1 + distance];
                    let (u, v) = (distance..ROWS, 0..ROWS - distance);
                    diagonal(
                        c,
                        sum,
                        half,
                        [&x[u.clone()], &y[u]],
                        [&y_next[v.clone()], &x_next[v.clone()]],
                        [&weights[v.clone()], &halves[v]],
                    );
                    let sum = &mut sums[ROWS - 1 - distance];
                    let (u, v) = (0..ROWS - distance, distance..ROWS);
                    diagonal(
                        c,
                        sum,
                        half,
                        [&x[u.clone()], &y[u]],
                        [&y_next[v.clone()], &x_next[v.clone()]],
                        [&weights[v.clone()], &halves[v]],
                    );
                }
            }
        }
        sums.into_iter().map(|sum| c.total(c.settle(sum))).collect()
    }
}

/// Adds the products of rows that lie a fixed distance apart, times the weights of the rows of `v`.
#[inline(always)]
fn diagonal<C: Carryless>(
    c: C,
    sum: &mut C::Sum,
    half: usize,
    u: [&[[Gf128; 2]]; 2],
    v: [&[[Gf128; 2]]; 2],
    weights: [&[[Gf128; 2]]; 2],
) {
    let mut local = *sum;
    let weights = weights[0].iter().zip(weights[1]);
    let rows = u[0].iter().zip(u[1]).zip(v[0].iter().zip(v[1])).zip(weights);
    for (((x, y), (y_next, x_next)), (weight, halves)) in rows {
        let first = c.and(c.load(&x[half..]), c.load(&y_next[half..]));
        let second = c.and(c.load(&y[half..]), c.load(&x_next[half..]));
        let (weight, halves) = (c.load(&weight[half..]), c.load(&halves[half..]));
        c.accumulate_with(&mut local, c.add(first, second), weight, halves);
    }
    *sum = local;
}

/// The weights of the rows of one tile, `T_h psi_k`.
#[inline(always)]
fn row_weights<C: Carryless>(c: C, rows: &[Gf128; ROWS], tile: [Gf128; 2]) -> Tile {
    let mut weights = [[Gf128::default(); 2]; ROWS];
    for (weight, &row) in weights.iter_mut().zip(rows) {
        for half in (0..2).step_by(C::LANES) {
            let mut product = c.sum();
            c.accumulate(&mut product, c.load(&tile[half..]), c.splat(row));
            c.store(c.reduce(product), &mut weight[half..]);
        }
    }
    weights
}

/// [`Carryless::halves`] of every element of a tile.
#[inline(always)]
fn halves<C: Carryless>(c: C, tile: &Tile) -> Tile {
    let mut halves = [[Gf128::default(); 2]; ROWS];
    for (halves, row) in halves.iter_mut().zip(tile) {
        for half in (0..2).step_by(C::LANES) {
            c.store(c.halves(c.load(&row[half..])), &mut halves[half..]);
        }
    }
    halves
}

/// The weighted sum of one bit a gate.
#[derive(Clone)]
pub(super) struct Claim<'a> {
    pub bits: &'a [u64],
    pub weights: &'a Weights,
}

impl Kernel for Claim<'_> {
    type Output = Gf128;

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) -> Gf128 {
        let mut total = c.sum();
        for (index, weights) in self.weights.tiles.iter().enumerate() {
            let tile = tile(self.bits, index);
            for half in (0..2).step_by(C::LANES) {
                let mut sum = c.sum();
                for (row, &weight) in tile.iter().zip(&self.weights.rows) {
                    c.accumulate(&mut sum, c.load(&row[half..]), c.splat(weight));
                }
                c.accumulate(&mut total, c.reduce(sum), c.load(&weights[half..]));
            }
        }
        c.total(total)
    }
}

/// For every lane of consecutive tiles of a column, the sum of the coefficients whose bit is set, by tables of
/// eight bits; times the weight of the lane, `T_h x^(s mod 128)`, if there are weights.
pub(super) struct Fold<'a> {
    pub column: &'a [u64],
    /// The first tile.
    pub tile: usize,
    pub tables: &'a [[Gf128; 256]],
    pub weights: Option<&'a [[Gf128; 2]]>,
    /// Where the sums go: one an element, a whole number of tiles.
    pub out: &'a mut [Gf128],
}

impl Kernel for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) {
        for (index, lanes) in (self.tile..).zip(self.out.chunks_exact_mut(LANES)) {
            look_up(&words(self.column, index * TILE_WORDS), self.tables, lanes);
            if let Some(weights) = self.weights {
                weigh(c, weights[index], lanes);
            }
        }
    }
}

#[inline(always)]
fn look_up(tile: &[u64; TILE_WORDS], tables: &[[Gf128; 256]], lanes: &mut [Gf128]) {
    for (word, lanes) in lanes.chunks_exact_mut(64).enumerate() {
        let mut block: [u64; 64] = std::array::from_fn(|k| tile[k * ROW_WORDS + word]);
        transpose64(&mut block);
        for (lane, bits) in lanes.iter_mut().zip(block) {
            let bytes = bits.to_le_bytes();
            *lane = tables.iter().zip(bytes).map(|(table, byte)| table[usize::from(byte)]).sum();
        }
    }
}

#[inline(always)]
fn weigh<C: Carryless>(c: C, weights: [Gf128; 2], lanes: &mut [Gf128]) {
    for (half, weight) in lanes.chunks_exact_mut(LANES / 2).zip(weights) {
        let mut weight = [weight, times_x(weight)];
        for lanes in half.chunks_exact_mut(2) {
            for lane in (0..2).step_by(C::LANES) {
                let mut product = c.sum();
                c.accumulate(&mut product, c.load(&lanes[lane..]), c.load(&weight[lane..]));
                c.store(c.reduce(product), &mut lanes[lane..]);
            }
            weight = weight.map(|weight| times_x(times_x(weight)));
        }
    }
}

/// The product with x.
#[inline(always)]
fn times_x(a: Gf128) -> Gf128 {
    let a = a.value();
    Gf128::new((a << 1) ^ ((a >> 127) * 0x87))
}

/// Tile `index` of a column, which ends in zeros.
#[inline(always)]
fn tile(column: &[u64], index: usize) -> Tile {
    let words: [u64; TILE_WORDS] = words(column, index * TILE_WORDS);
    let element = |w: usize| Gf128::new(u128::from(words[w]) | u128::from(words[w + 1]) << 64);
    std::array::from_fn(|k| [element(ROW_WORDS * k), element(ROW_WORDS * k + 2)])
}
