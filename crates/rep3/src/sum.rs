//! Sums of whole columns without leaving GF(2).

use algebra::Bits;
use circuit::arith::parallel;

use crate::abort::Abort;
use crate::boolean::{Columns, layer};
use crate::compare::mask;
use crate::network::Party;
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
    sum_each(&[a], session)
}

/// The sums of several columns of one length, width and sign, as one column with a row for each, in the rounds of
/// one [`sum`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length, width or sign.
pub fn sum_each(columns: &[&IntShare], session: &mut Session) -> Result<IntShare, Abort> {
    let Some(first) = columns.first() else { return Ok(IntShare::unsigned(Vec::new())) };
    let (rows, width, signed) = (first.rows(), first.width(), first.signed);
    let alike = |a: &&IntShare| a.rows() == rows && a.width() == width && a.signed == signed;
    assert!(columns.iter().all(alike), "columns of one length, width and sign");
    if rows < 2 || width == 0 {
        let bit = |k: usize| match rows {
            1 => BitShare::concat(columns.iter().map(|a| &a.bits[k])),
            _ => BitShare::zeros(columns.len()),
        };
        return Ok(IntShare { bits: (0..width).map(bit).collect(), signed });
    }
    let wide = width + (rows - 1).ilog2() as usize + 1;
    let mut heaps: Vec<BitShare> = columns.iter().flat_map(|a| heap(a, wide, session.party())).collect();
    reduce(&mut heaps, wide, session)?;
    let term = |i: usize| -> Vec<BitShare> {
        let bit = |column: &BitShare| {
            if i < column.len() { column.slice(i..i + 1) } else { BitShare::zeros(1) }
        };
        let bits: Vec<BitShare> = heaps.iter().map(bit).collect();
        (0..wide).map(|k| BitShare::concat(bits.iter().skip(k).step_by(wide))).collect()
    };
    let bits = parallel::add(&term(0), &term(1), &mut Columns::new(columns.len(), session))?;
    Ok(IntShare { bits, signed })
}

/// The bits of each weight up to `2^wide` that are to be added up.
fn heap(a: &IntShare, wide: usize, me: Party) -> Vec<BitShare> {
    let mut heap = a.bits.clone();
    if let (true, Some(sign)) = (a.signed, heap.last_mut()) {
        // Signed x is x + 2^(k-1) without a sign, less 2^(k-1): the flipped sign bit, and a public correction.
        *sign = sign.not(me);
    }
    heap.resize(wide, BitShare::default());
    if a.signed {
        let correction = -(a.rows() as i128) << (a.width() - 1);
        for (k, column) in heap.iter_mut().enumerate() {
            let bit = Bits::repeat(correction >> k & 1 == 1, 1);
            if bit.get(0) {
                *column = BitShare::concat([&*column, &BitShare::public(&bit, me)]);
            }
        }
    }
    heap
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
    count_each(std::slice::from_ref(a), session)
}

/// How many rows of each of these columns of one length are set, as one column with a row for each, in the rounds of
/// one [`count`].
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If the columns differ in length.
pub fn count_each(columns: &[BitShare], session: &mut Session) -> Result<IntShare, Abort> {
    let columns: Vec<IntShare> = columns.iter().map(|a| IntShare::unsigned(vec![a.clone()])).collect();
    sum_each(&columns.iter().collect::<Vec<_>>(), session)
}

/// Reduces the rows of each column to at most two. The columns are heaps of `wide` columns, column `k` of a heap
/// holding bits of weight `2^k`; what is carried out of a heap's top is dropped.
fn reduce(heaps: &mut [BitShare], wide: usize, session: &mut Session) -> Result<(), Abort> {
    while heaps.iter().any(|column| column.len() > 2) {
        let mut left = Vec::with_capacity(heaps.len());
        let mut right = Vec::with_capacity(heaps.len());
        let mut third = Vec::with_capacity(heaps.len());
        for column in heaps.iter() {
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
        for (k, column) in heaps.iter_mut().enumerate() {
            carries[k].xor_assign(&third[k]);
            third[k].xor_assign(&left[k]);
            third[k].xor_assign(&right[k]);
            if k % wide == 0 {
                carried = BitShare::default();
            }
            let rest = column.slice(3 * third[k].len()..column.len());
            *column = BitShare::concat([&third[k], &rest, &carried]);
            carried = std::mem::take(&mut carries[k]);
        }
    }
    Ok(())
}
