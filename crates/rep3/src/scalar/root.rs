//! Square roots and their reciprocals.
//!
//! With an even exponent the mantissa `x` is in [1, 4). Its reciprocal root is read from a table of 2^10 entries of 11
//! bits and refined by two Newton steps `y (3 - x y^2) / 2`, the first with 19 fraction bits of `x`, cut off to 24 bits,
//! the second with 40. The result has 113 fraction bits and a relative error of 2^-39.6.

use algebra::Fp;
use circuit::Backend;
use circuit::logic;

use super::division::round_down;
use super::{EXPONENT, FloatShare, PRECISE, Unfinished, finish, table, unsigned};
use crate::abort::Abort;
use crate::boolean::Columns;
use crate::convert::{bits_to_field_each, field_to_bits};
use crate::product::mul;
use crate::session::Session;
use crate::share::{BitShare, FieldShare};

/// Bits of the table's index after the leading one; one more tells [1, 2) from [2, 4).
const INDEX: usize = 9;
/// Fraction bits of a table entry.
const ENTRY: usize = 11;
/// Fraction bits of the mantissa in the first step.
const COARSE: usize = 19;
/// Fraction bits of the mantissa in the second step.
const FINE: usize = 40;
/// Fraction bits of the reciprocal root after the first step.
const FIRST: usize = 3 * ENTRY + COARSE + 1;
/// Fraction bits that are kept of it.
const KEPT: usize = 24;
/// Fraction bits of the reciprocal root after the second step.
const SECOND: usize = 3 * KEPT + FINE + 1;

/// The reciprocal roots of the middles of the segments, in units of 2^-11, and their cubes.
fn tables() -> [Vec<u128>; 2] {
    let root = |place: u128| {
        // x = (2^10 + 2 s + 1) / 2^10, doubled in the upper half; the entry is the integer nearest to 2^11 / sqrt(x).
        let (double, segment) = (place >> INDEX, place % (1 << INDEX));
        let x = ((1 << (INDEX + 1)) + 2 * segment + 1) << double;
        // e is nearest if (2 e - 1)^2 x <= 2^24 · 2^10 < (2 e + 1)^2 x.
        let target = 1u128 << (2 * ENTRY + 2 + INDEX + 1);
        let mut entry = (target / x / 4).isqrt();
        while (2 * entry + 1) * (2 * entry + 1) * x <= target {
            entry += 1;
        }
        entry
    };
    let entries: Vec<u128> = (0..2 << INDEX).map(root).collect();
    let cubes = entries.iter().map(|entry| entry * entry * entry).collect();
    [entries, cubes]
}

/// The reciprocal of the square root, row by row. Negative numbers and zero make a row invalid.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn rsqrt(x: &FloatShare, session: &mut Session) -> Result<FloatShare, Abort> {
    let me = session.party();
    let refined = refine(x, session)?;
    let root = field_to_bits(&refined.root, session)?.bits;
    // 1 / sqrt(x) is in (1/2, 1]: the exponent is -h - 1, or -h - 2 if the approximation fell below 1/2.
    let negated: Vec<_> = refined.half.iter().map(|bit| bit.not(me)).collect();
    let unfinished = Unfinished {
        sign: BitShare::zeros(x.rows()),
        magnitude: &root,
        top: SECOND - 1,
        exponents: [&negated, &minus_one(x.rows(), session)],
        zero: Vec::new(),
        invalid: vec![x.sign.clone(), x.zero.clone(), x.invalid.clone()],
    };
    finish(unfinished, session)
}

/// The square root, row by row. Negative numbers make a row invalid.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn sqrt(x: &FloatShare, session: &mut Session) -> Result<FloatShare, Abort> {
    let refined = refine(x, session)?;
    let reciprocal = round_down(&refined.root, SECOND - PRECISE, session)?;
    let root = mul(&refined.mantissa, &reciprocal, session)?;
    let root = field_to_bits(&root, session)?.bits;
    // sqrt(x) = x / sqrt(x) is in [1, 2): the exponent is h, or h - 1 if the approximation fell below 1.
    let unfinished = Unfinished {
        sign: BitShare::zeros(x.rows()),
        magnitude: &root,
        top: FINE + PRECISE,
        exponents: [&refined.half, &minus_one(x.rows(), session)],
        zero: vec![x.zero.clone()],
        invalid: vec![x.sign.clone(), x.invalid.clone()],
    };
    finish(unfinished, session)
}

/// A number `m · 4^h` with `m` in [1, 4), and the reciprocal root of `m`.
struct Refined {
    /// `m`, with 40 fraction bits.
    mantissa: FieldShare,
    /// Its reciprocal root, with 113 fraction bits.
    root: FieldShare,
    /// `h`.
    half: Vec<BitShare>,
}

fn refine(x: &FloatShare, session: &mut Session) -> Result<Refined, Abort> {
    let (rows, me) = (x.rows(), session.party());
    let odd = x.exponent[0].clone();
    let mut half = x.exponent[1..].to_vec();
    half.extend(x.exponent.last().cloned());

    let mut index = x.top(FINE + 1)[FINE - INDEX..FINE].to_vec();
    index.push(odd.clone());
    let entries = table::read(&index, &tables(), session)?;
    // An odd exponent doubles the mantissa.
    let mut single = x.top(FINE + 1);
    single.push(BitShare::zeros(rows));
    let mut double = single.clone();
    double.rotate_right(1);
    let mantissa = logic::mux(&odd, &double, &single, &mut Columns::new(rows, session))?;

    let (low, high) = mantissa.split_at(FINE - COARSE);
    let parts = [&entries[0], &entries[1], &unsigned(low), &unsigned(high)];
    let parts = bits_to_field_each(&parts, session)?;
    let (entry, cube, low, high) = (&parts[0], &parts[1], &parts[2], &parts[3]);
    let mantissa = high.scale(Fp::new(1 << (FINE - COARSE))).add(low);

    // y (3 - x y^2) = 3 y - x y^3, and the table has y^3. The halving is one more fraction bit.
    let three = Fp::new(3 << (2 * ENTRY + COARSE));
    let first = entry.scale(three).sub(&mul(high, cube, session)?);
    let kept = round_down(&first, FIRST - KEPT, session)?;
    let square = mul(&kept, &kept, session)?;
    let three = vec![Fp::new(3 << (2 * KEPT + FINE)); rows];
    let remainder = mul(&mantissa, &square, session)?.neg().add_public(&three, me);
    let root = mul(&kept, &remainder, session)?;
    Ok(Refined { mantissa, root, half })
}

fn minus_one(rows: usize, session: &mut Session) -> Vec<BitShare> {
    vec![Columns::new(rows, session).constant(true); EXPONENT]
}
