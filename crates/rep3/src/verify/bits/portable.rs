//! The first level without special instructions.

use std::ops::Range;

use algebra::{Field, Gf128};

use super::{COEFFICIENTS, ROW_WORDS, ROWS, Tile, Weights, half_row, tile};
use crate::verify::gates::Gates;

/// All coefficients of `g` but the claim, which is left zero, summed over a range of tiles.
pub(super) fn correlate(gates: &Gates, weights: &Weights, tiles: Range<usize>) -> Vec<Gf128> {
    let mut sums = [<Gf128 as Field>::Accumulator::default(); COEFFICIENTS + 1];
    for c in tiles {
        let [x, y] = [tile(&gates.x_own, c), tile(&gates.y_own, c)];
        let [x_next, y_next] = [tile(&gates.x_next, c), tile(&gates.y_next, c)];
        for j in 0..ROWS {
            let weight = weights.tiles[c].map(|tile| tile * weights.rows[j]);
            for i in (0..ROWS).filter(|&i| i != j) {
                let products = products([&x, &y], i, [&y_next, &x_next], j);
                for (half, &weight) in weight.iter().enumerate() {
                    let sum = &mut sums[ROWS - 1 + i - j];
                    Gf128::accumulate(sum, weight, half_row(&products, 0, half));
                }
            }
        }
    }
    sums.into_iter().map(Gf128::reduce).collect()
}

/// The products of row `i` of `u` with row `j` of `v`, of both kinds together, as the first row of a tile.
fn products(u: [&Tile; 2], i: usize, v: [&Tile; 2], j: usize) -> Tile {
    let mut products = [0; super::TILE_WORDS];
    for (word, product) in products.iter_mut().enumerate().take(ROW_WORDS) {
        let (i, j) = (i * ROW_WORDS + word, j * ROW_WORDS + word);
        *product = (u[0][i] & v[0][j]) ^ (u[1][i] & v[1][j]);
    }
    products
}
