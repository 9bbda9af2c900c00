//! Between the two domains: bits to field elements and back.
//!
//! | from | to | how | rounds |
//! |---|---|---|---|
//! | few integers | field | [bit injection](inject): each bit, then one inner product a row | 2 |
//! | many integers | field | masked opening: an addition of two masks, and two bits to inject | about 11 |
//! | field | bits | addition of the three components modulo p, in GF(2) | 10 |

mod inject;
mod masked;

use algebra::{Fp, rows_to_columns};
use circuit::arith::{mersenne, parallel};

use crate::abort::Abort;
use crate::boolean::Columns;
use crate::pace::Pace;
use crate::session::Session;
use crate::share::{BitShare, FieldShare, IntShare};

pub use inject::{INJECT, inject};

/// What injecting a bit costs, in AND gates, proof included; and what a masked opening costs in gates a bit and a row.
const INJECTED: usize = 80;
const MASKED: [usize; 2] = [6, 2 * INJECTED];

/// The integers as field elements; negative ones as `p - |x|`. Bit injection or, for many rows, a masked opening: 2 or
/// about 11 rounds, as the session's [`Pace`] decides.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the integers have more than 126 bits: they would not fit.
pub fn bits_to_field(x: &IntShare, session: &mut Session) -> Result<FieldShare, Abort> {
    Ok(bits_to_field_each(&[x], session)?.swap_remove(0))
}

/// [`bits_to_field`] of several columns of one length, all in the same rounds.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length or are wider than 126 bits.
pub fn bits_to_field_each(columns: &[&IntShare], session: &mut Session) -> Result<Vec<FieldShare>, Abort> {
    let rows = columns.first().map_or(0, |x| x.rows());
    assert!(columns.iter().all(|x| x.rows() == rows), "columns of one length");
    assert!(columns.iter().all(|x| x.width() <= 126), "more bits than fit into the field");
    // Below each other, at a width and sign that hold all of them, they are one column.
    let signed = columns.iter().any(|x| x.signed);
    let width = |x: &&IntShare| x.width() + usize::from(signed && !x.signed);
    let common = columns.iter().map(width).max().unwrap_or(0);
    let bits = columns.iter().map(|x| x.width()).sum();
    let stacked_rows = rows * columns.len();
    if common > 126 || !masking_is_faster(rows, bits, [stacked_rows, common], session.pace()) {
        return inject::convert(columns, session);
    }
    let wide: Vec<IntShare> = columns.iter().map(|x| x.resize(common)).collect();
    let bit = |k: usize| BitShare::concat(wide.iter().map(|x| &x.bits[k]));
    let stacked = IntShare { bits: (0..common).map(bit).collect(), signed };
    let field = masked::convert(&stacked, session)?;
    Ok((0..columns.len()).map(|i| field.slice(i * rows..(i + 1) * rows)).collect())
}

/// Whether a masked opening of `stacked` rows and bits is faster than injecting `bits` bits in each of `rows`.
fn masking_is_faster(rows: usize, bits: usize, stacked: [usize; 2], pace: Pace) -> bool {
    let [stacked_rows, width] = stacked;
    if width == 0 {
        return false;
    }
    let rounds = 1 + width.next_power_of_two().ilog2() as usize + 2;
    let masked = pace.rounds(rounds) + Pace::gates(stacked_rows, MASKED[0] * width + MASKED[1]);
    masked < Pace::gates(rows, INJECTED * bits)
}

/// The canonical representatives of field elements as unsigned integers of 127 bits. 1,262 AND gates a row, 10
/// rounds.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn field_to_bits(x: &FieldShare, session: &mut Session) -> Result<IntShare, Abort> {
    let rows = x.len();
    let me = session.party().index();
    let columns = |values: &[Fp]| {
        let words: Vec<u64> =
            values.iter().flat_map(|x| [x.value() as u64, (x.value() >> 64) as u64]).collect();
        rows_to_columns(&words, 127)
    };
    // A component is known to both of its holders and so is shared in GF(2) without communication.
    let zeros = vec![BitShare::zeros(rows); 127];
    let mut components = [zeros.clone(), zeros.clone(), zeros];
    for (bit, own) in components[me].iter_mut().zip(columns(&x.own)) {
        bit.own = own;
    }
    for (bit, next) in components[(me + 1) % 3].iter_mut().zip(columns(&x.next)) {
        bit.next = next;
    }
    let operands = components.each_ref().map(Vec::as_slice);
    Ok(IntShare::unsigned(mersenne::add3(operands, &mut Columns::new(rows, session))?))
}

/// Field elements known to be integers of this width and sign as such integers. Costs as [`field_to_bits`]; of the widest
/// that the field holds, 127 bits with a sign, an addition more.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the width is 0, above 126, or above 127 with a sign.
pub fn field_to_int(
    x: &FieldShare,
    width: usize,
    signed: bool,
    session: &mut Session,
) -> Result<IntShare, Abort> {
    assert!((1..=126 + usize::from(signed)).contains(&width), "a width of {width} bits");
    let me = session.party();
    if !signed {
        return Ok(field_to_bits(x, session)?.resize(width));
    }
    if width == 127 {
        // A negative number is p less its magnitude, and p is 2^127 - 1: two's complement has one more.
        let bits = field_to_bits(x, session)?.bits;
        let columns = &mut Columns::new(x.len(), session);
        let one = bits[126..].iter().cloned().chain(vec![BitShare::zeros(x.len()); 126]);
        return Ok(IntShare::signed(parallel::add(&bits, &one.collect::<Vec<_>>(), columns)?));
    }
    // Adding 2^(k-1) makes all values positive; the top bit is then the sign's negation.
    let shifted = x.add_public(&vec![Fp::new(1 << (width - 1)); x.len()], me);
    let mut bits = field_to_bits(&shifted, session)?.resize(width).bits;
    if let Some(sign) = bits.last_mut() {
        *sign = sign.not(me);
    }
    Ok(IntShare::signed(bits))
}

/// Exactly `floor(x / 2^shift)` of field elements known to be integers of this width and sign. 12 rounds for few
/// rows.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the width is above 126.
pub fn truncate(
    x: &FieldShare,
    shift: usize,
    width: usize,
    signed: bool,
    session: &mut Session,
) -> Result<FieldShare, Abort> {
    let mut int = field_to_int(x, width, signed, session)?;
    // The sign stays even if nothing else does: the floor of a negative number is never 0.
    int.bits.drain(..shift.min(width - usize::from(signed)));
    if shift >= width && !signed {
        return Ok(FieldShare::zeros(x.len()));
    }
    bits_to_field(&int, session)
}
