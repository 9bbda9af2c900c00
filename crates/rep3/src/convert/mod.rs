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
use circuit::arith::mersenne;

use crate::abort::Abort;
use crate::boolean::Columns;
use crate::session::Session;
use crate::share::{BitShare, FieldShare, IntShare};

pub use inject::{INJECT, bits_to_field_each, inject};

/// From so many rows on, injecting every bit costs more than masking: measured, see `docs/src/arithmetic.md`.
const BULK: usize = 256;

/// The integers as field elements; negative ones as `p - |x|`. Bit injection for few rows, a masked opening for
/// many: 2 or about 11 rounds.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the integers have more than 126 bits: they would not fit.
pub fn bits_to_field(x: &IntShare, session: &mut Session) -> Result<FieldShare, Abort> {
    assert!(x.width() <= 126, "{} bits do not fit into the field", x.width());
    // Two bits a row are injected after masking, too.
    if x.rows() >= BULK && x.width() > 4 { masked::convert(x, session) } else { inject::convert(x, session) }
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

/// Field elements known to be integers of this width and sign as such integers. Costs as [`field_to_bits`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the width is 0 or above 126.
pub fn field_to_int(
    x: &FieldShare,
    width: usize,
    signed: bool,
    session: &mut Session,
) -> Result<IntShare, Abort> {
    assert!((1..=126).contains(&width), "a width of {width} bits");
    let me = session.party();
    if !signed {
        return Ok(field_to_bits(x, session)?.resize(width));
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
