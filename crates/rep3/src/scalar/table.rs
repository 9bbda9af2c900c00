//! Tables that are read at a secret place, and the numbers in them.
//!
//! All parties must have the same tables to the last bit: they are computed with integers, or with those operations on
//! floating-point numbers that IEEE 754 rounds correctly, never with a platform's `log2`.

use circuit::logic;

use crate::abort::Abort;
use crate::boolean::Columns;
use crate::session::Session;
use crate::share::{BitShare, IntShare};

/// Reads several tables of `2^k` entries at the place that `k` columns of bits name. Only the decoding of the place
/// costs gates: the entries are public, so that every bit of the result is a sum of decoded places.
pub fn read(index: &[BitShare], tables: &[Vec<u128>], session: &mut Session) -> Result<Vec<IntShare>, Abort> {
    let rows = index.first().map_or(0, BitShare::len);
    let columns = &mut Columns::new(rows, session);
    let places = logic::one_hot(index, columns)?;
    let mut results = Vec::with_capacity(tables.len());
    for table in tables {
        let greatest = table.iter().copied().max().unwrap_or(0);
        let bits = (0..128 - greatest.leading_zeros())
            .map(|bit| {
                let set = places.iter().zip(table).filter(|(_, entry)| *entry >> bit & 1 == 1);
                circuit::bits::parity(set.map(|(place, _)| place), columns)
            })
            .collect();
        results.push(IntShare::unsigned(bits));
    }
    Ok(results)
}

/// The natural logarithm of a number from 1 to 2, by the series of the inverse hyperbolic tangent.
fn ln(x: f64) -> f64 {
    let z = (x - 1.0) / (x + 1.0);
    // z is at most 1/3: 20 terms leave less than 2^-64.
    (0..20).rev().fold(0.0, |sum, k| sum * z * z + 2.0 / f64::from(2 * k + 1)) * z
}

/// The binary logarithm of a number from 1 to 2.
pub fn log2_of(x: f64) -> f64 {
    ln(x) / std::f64::consts::LN_2
}

/// Two to a power from 0 to 1, by the exponential series.
pub fn exp2_of(x: f64) -> f64 {
    let y = x * std::f64::consts::LN_2;
    (1..24).rev().fold(1.0, |sum, k| 1.0 + sum * y / f64::from(k))
}

/// The coefficients of the quadratics that agree with `f` at three `nodes`, given in parts of the segment, of each of
/// `2^segments` segments of [0, 1): from the start of the segment.
pub fn quadratics(f: impl Fn(f64) -> f64, segments: u32, nodes: [f64; 3]) -> Vec<[f64; 3]> {
    let count = 1u32 << segments;
    let width = 1.0 / f64::from(count);
    (0..count)
        .map(|segment| {
            let [a, b, c] = nodes.map(|node| node * width);
            let start = f64::from(segment) * width;
            let [fa, fb, fc] = [a, b, c].map(|t| f(start + t));
            // Newton's divided differences, multiplied out.
            let ab = (fb - fa) / (b - a);
            let bc = (fc - fb) / (c - b);
            let abc = (bc - ab) / (c - a);
            [fa - ab * a + abc * a * b, ab - abc * (a + b), abc]
        })
        .collect()
}

/// A number in units of `2^-scale`, rounded.
pub fn fixed(x: f64, scale: i32) -> u128 {
    (x.abs() * 2f64.powi(scale)).round() as u128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_agree_with_the_platform() {
        for i in 0..=1000 {
            let x = f64::from(i) / 1000.0;
            assert!((log2_of(1.0 + x) - (1.0 + x).log2()).abs() < 1e-15, "log2 of 1 + {x}");
            assert!((exp2_of(x) - x.exp2()).abs() < 1e-15, "2 to the {x}");
        }
    }
}
