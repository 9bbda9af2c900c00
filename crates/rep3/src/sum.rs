//! Sums of whole columns without leaving GF(2).

use algebra::Bits;
use circuit::arith::parallel;

use crate::abort::Abort;
use crate::boolean::{Columns, layer};
use crate::compare::mask;
use crate::session::Session;
use crate::share::{BitShare, IntShare};

/// The sum of all rows, as a column of one row, wide enough for any sum of so many rows.
///
/// About one AND gate a bit and row, and `log2 n / log2 1.5` rounds and [`parallel::add`]: all bits of one weight
/// are reduced by full adders, three rows to one and a carry, until two are left (C. Wallace, 1964).
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn sum(a: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    let (rows, width) = (a.rows(), a.width());
    if rows < 2 || width == 0 {
        return Ok(if rows == 1 { a.clone() } else { zero(a) });
    }
    let wide = width + (rows - 1).ilog2() as usize + 1;
    let mut heap = a.bits.clone();
    if let (true, Some(sign)) = (a.signed, heap.last_mut()) {
        // Signed x is x + 2^(k-1) without a sign, less 2^(k-1): the flipped sign bit, and a public correction.
        *sign = sign.not(session.party());
    }
    heap.resize(wide, BitShare::default());
    if a.signed {
        let correction = -(rows as i128) << (width - 1);
        for (k, column) in heap.iter_mut().enumerate() {
            let bit = Bits::repeat(correction >> k & 1 == 1, 1);
            if bit.get(0) {
                *column = BitShare::concat([&*column, &BitShare::public(&bit, session.party())]);
            }
        }
    }
    reduce(&mut heap, session)?;
    let row = |i: usize| -> Vec<BitShare> {
        let bit = |column: &BitShare| {
            if i < column.len() { column.slice(i..i + 1) } else { BitShare::zeros(1) }
        };
        heap.iter().map(bit).collect()
    };
    let bits = parallel::add(&row(0), &row(1), &mut Columns::new(1, session))?;
    Ok(IntShare { bits, signed: a.signed })
}

/// The sum of the rows in which a condition holds: [`mask`] and [`sum`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn sum_where(condition: &BitShare, a: &IntShare, session: &mut Session) -> Result<IntShare, Abort> {
    let masked = mask(condition, a, session)?;
    sum(&masked, session)
}

/// How many rows are set, as a column of one row.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn count(a: &BitShare, session: &mut Session) -> Result<IntShare, Abort> {
    sum(&IntShare::unsigned(vec![a.clone()]), session)
}

/// A column of the single row 0.
fn zero(a: &IntShare) -> IntShare {
    a.map(|_| BitShare::zeros(1))
}

/// Reduces the rows of each column, `heap[k]` holding bits of weight `2^k`, to at most two; what is carried out of
/// the top is dropped.
fn reduce(heap: &mut [BitShare], session: &mut Session) -> Result<(), Abort> {
    while heap.iter().any(|column| column.len() > 2) {
        let mut left = Vec::with_capacity(heap.len());
        let mut right = Vec::with_capacity(heap.len());
        let mut third = Vec::with_capacity(heap.len());
        for column in heap.iter() {
            let count = column.len() / 3;
            let part = |i: usize| column.slice(i * count..(i + 1) * count);
            let last = part(2);
            left.push(part(0).xor(&last));
            right.push(part(1).xor(&last));
            third.push(last);
        }
        // The majority of a, b, c is c + (a + c)(b + c), and their sum (a + c) + (b + c) + c.
        let pairs: Vec<_> = left.iter().zip(&right).collect();
        let mut carries = layer(&pairs, session)?;
        let mut carried = BitShare::default();
        for (k, column) in heap.iter_mut().enumerate() {
            carries[k].xor_assign(&third[k]);
            third[k].xor_assign(&left[k]);
            third[k].xor_assign(&right[k]);
            let rest = column.slice(3 * third[k].len()..column.len());
            *column = BitShare::concat([&third[k], &rest, &carried]);
            carried = std::mem::take(&mut carries[k]);
        }
    }
    Ok(())
}
