//! The inner loops of the first level, written once for every instruction set.
#![allow(clippy::inline_always, reason = "a kernel must be compiled for the instructions it is run with")]

use std::ops::Range;

use algebra::carryless::{Carryless, Kernel};
use algebra::{Gf128, LinearMap};

use super::{COEFFICIENTS, LANES, ROW_WORDS, ROWS, TILE_WORDS, Tile, Weights, words};
use crate::verify::gates::Gates;

/// All coefficients of `g` summed over a range of tiles, with the claim among them.
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
        let mut sums = vec![c.sum(); COEFFICIENTS + 2];
        let rows = self.weights.rows.map(|weight| [weight, weight]);
        for index in self.tiles {
            let u = [&self.gates.x_own, &self.gates.y_own].map(|column| padded(&tile(column.words(), index)));
            let v = [&self.gates.y_next, &self.gates.x_next].map(|column| tile(column.words(), index));
            let weights = row_weights(c, &rows, self.weights.tiles[index]);
            let halves = halves(c, &weights);
            let v = [&v[0], &v[1], &weights, &halves].map(|tile| tile.as_flattened());
            for (pair, sums) in sums.chunks_exact_mut(2).enumerate() {
                diagonals(c, sums, 2 * pair, [u[0].as_flattened(), u[1].as_flattened()], v);
            }
        }
        sums.pop();
        sums.into_iter().map(|sum| c.total(c.settle(sum))).collect()
    }
}

/// A tile of `u` with as many rows of zeros before and after it.
fn padded(tile: &Tile) -> [[Gf128; 2]; 3 * ROWS] {
    let mut rows = [[Gf128::default(); 2]; 3 * ROWS];
    rows[ROWS..2 * ROWS].copy_from_slice(tile);
    rows
}

/// Adds to two coefficients, `first` and the one after it, the products of rows of `u` (with zeros around) and `v`,
/// times the weights of the rows of `v`. Row `k` of `v` is the coefficient of `X^(63 - k)`, so that for coefficient `n`
/// it meets row `n + k - 63` of `u`.
///
/// Two at a time, so that what is loaded of `v` serves twice.
#[inline(always)]
fn diagonals<C: Carryless>(c: C, sums: &mut [C::Sum], first: usize, u: [&[Gf128]; 2], v: [&[Gf128]; 4]) {
    let [mut one, mut two] = [sums[0], sums[1]];
    // The rows of `v` that meet any row of `u` but zeros.
    let rows = (ROWS - 2).saturating_sub(first)..ROWS.min(2 * ROWS - 1 - first);
    let places = 2 * rows.start..2 * rows.end;
    // Row `k` of `v` meets row `first + k + 1` of the padded `u`.
    let shift = 2 * (first + 1);
    let [x, y] = u.map(|u| &u[places.start + shift..places.end + shift + 2]);
    let [y_next, x_next, weights, halves] = v.map(|v| &v[places.clone()]);
    for place in (0..places.len()).step_by(C::LANES) {
        let end = places.len().min(place + C::LANES);
        let (y_next, x_next) = (c.load(&y_next[place..end]), c.load(&x_next[place..end]));
        let (weights, halves) = (c.load(&weights[place..end]), c.load(&halves[place..end]));
        let (x_one, y_one) = (c.load(&x[place..end]), c.load(&y[place..end]));
        let gates = c.add(c.and(x_one, y_next), c.and(y_one, x_next));
        c.accumulate_with(&mut one, gates, weights, halves);
        let (x_two, y_two) = (c.load(&x[place + 2..end + 2]), c.load(&y[place + 2..end + 2]));
        let gates = c.add(c.and(x_two, y_next), c.and(y_two, x_next));
        c.accumulate_with(&mut two, gates, weights, halves);
    }
    sums[0] = one;
    sums[1] = two;
}

/// The weights of the rows of one tile, `T_h psi_k`.
#[inline(always)]
fn row_weights<C: Carryless>(c: C, rows: &Tile, tile: [Gf128; 2]) -> Tile {
    let mut weights = [[Gf128::default(); 2]; ROWS];
    let tile = [tile, tile];
    let places = weights.as_flattened_mut().chunks_exact_mut(4);
    for (weights, rows) in places.zip(rows.as_flattened().chunks_exact(4)) {
        for lane in (0..4).step_by(C::LANES) {
            let product = c.mul(c.load(&tile.as_flattened()[lane..]), c.load(&rows[lane..]));
            c.store(product, &mut weights[lane..]);
        }
    }
    weights
}

/// [`Carryless::halves`] of every element of a tile.
#[inline(always)]
fn halves<C: Carryless>(c: C, tile: &Tile) -> Tile {
    let mut halves = [[Gf128::default(); 2]; ROWS];
    let places = halves.as_flattened_mut().chunks_exact_mut(C::LANES);
    for (halves, elements) in places.zip(tile.as_flattened().chunks_exact(C::LANES)) {
        c.store(c.halves(c.load(elements)), halves);
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
        let rows = self.weights.rows.map(|weight| [weight, weight]);
        for (index, &weights) in self.weights.tiles.iter().enumerate() {
            let (tile, weights) = (tile(self.bits, index), [weights, weights]);
            for lane in (0..4).step_by(C::LANES) {
                let mut sum = c.sum();
                for (bits, rows) in
                    tile.as_flattened().chunks_exact(4).zip(rows.as_flattened().chunks_exact(4))
                {
                    c.accumulate(&mut sum, c.load(&bits[lane..]), c.load(&rows[lane..]));
                }
                c.accumulate(&mut total, c.reduce(sum), c.load(&weights.as_flattened()[lane..]));
            }
        }
        c.total(total)
    }
}

/// For every lane of consecutive tiles of a column, the sum of the coefficients whose bit is set, times the weight of
/// the lane, `T_h x^(s mod 128)`, if there are weights.
pub(super) struct Fold<'a> {
    pub column: &'a [u64],
    /// The first tile.
    pub tile: usize,
    /// Takes a lane to that sum.
    pub map: &'a LinearMap,
    pub weights: Option<&'a [[Gf128; 2]]>,
    /// Where the sums go: one an element, a whole number of tiles.
    pub out: &'a mut [Gf128],
}

impl Kernel for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn run<C: Carryless>(self, c: C) {
        for (index, lanes) in (self.tile..).zip(self.out.chunks_exact_mut(LANES)) {
            let tile: [u64; TILE_WORDS] = words(self.column, index * TILE_WORDS);
            for (word, lanes) in lanes.as_chunks_mut().0.iter_mut().enumerate() {
                self.map.apply(&std::array::from_fn(|k| tile[k * ROW_WORDS + word]), lanes);
            }
            if let Some(weights) = self.weights {
                weigh(c, weights[index], lanes);
            }
        }
    }
}

#[inline(always)]
fn weigh<C: Carryless>(c: C, weights: [Gf128; 2], lanes: &mut [Gf128]) {
    for (half, weight) in lanes.chunks_exact_mut(LANES / 2).zip(weights) {
        let mut weights = [weight; 4];
        for k in 1..4 {
            weights[k] = times_x(weights[k - 1]);
        }
        for lanes in half.chunks_exact_mut(4) {
            for lane in (0..4).step_by(C::LANES) {
                let product = c.mul(c.load(&lanes[lane..]), c.load(&weights[lane..]));
                c.store(product, &mut lanes[lane..]);
            }
            for weight in &mut weights {
                *weight = times_x4(*weight);
            }
        }
    }
}

/// The product with x.
#[inline(always)]
fn times_x(a: Gf128) -> Gf128 {
    let a = a.value();
    Gf128::new((a << 1) ^ ((a >> 127) * 0x87))
}

/// The product with x^4.
#[inline(always)]
fn times_x4(a: Gf128) -> Gf128 {
    let a = a.value();
    // The four coefficients that leave return times x^7 + x^2 + x + 1.
    let over = a >> 124;
    Gf128::new((a << 4) ^ over ^ (over << 1) ^ (over << 2) ^ (over << 7))
}

/// Tile `index` of a column, which ends in zeros.
#[inline(always)]
fn tile(column: &[u64], index: usize) -> Tile {
    let words: [u64; TILE_WORDS] = words(column, index * TILE_WORDS);
    let element = |w: usize| Gf128::new(u128::from(words[w]) | u128::from(words[w + 1]) << 64);
    std::array::from_fn(|k| [element(ROW_WORDS * k), element(ROW_WORDS * k + 2)])
}
