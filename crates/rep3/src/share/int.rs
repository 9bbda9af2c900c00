//! Columns of shared integers, bit by bit.

use std::fmt;
use std::ops::Range;

use algebra::Bits;

use super::BitShare;
use crate::network::Party;

/// A column of shared integers of one width: one [`BitShare`] a bit, least significant first.
///
/// Signed integers are in two's complement; the last bit is the sign.
#[derive(Clone)]
pub struct IntShare {
    /// The columns of bits, least significant first.
    pub bits: Vec<BitShare>,
    /// Whether the last bit is a sign.
    pub signed: bool,
}

impl IntShare {
    /// Unsigned integers from their bits, least significant first.
    pub fn unsigned(bits: Vec<BitShare>) -> Self {
        Self { bits, signed: false }
    }

    /// Signed integers from their bits, least significant first, sign last.
    pub fn signed(bits: Vec<BitShare>) -> Self {
        Self { bits, signed: true }
    }

    /// A sharing of public values, at party `me`; only their low `width` bits are kept.
    pub fn public(values: &[i128], width: usize, signed: bool, me: Party) -> Self {
        let bit = |k: usize| Bits::from_fn(values.len(), |row| values[row] >> k.min(127) & 1 == 1);
        Self { bits: (0..width).map(|k| BitShare::public(&bit(k), me)).collect(), signed }
    }

    /// Number of rows; 0 without any bits.
    pub fn rows(&self) -> usize {
        self.bits.first().map_or(0, BitShare::len)
    }

    /// Number of bits a row.
    pub fn width(&self) -> usize {
        self.bits.len()
    }

    /// The same values at a greater width, or their low bits at a smaller one.
    pub fn resize(&self, width: usize) -> Self {
        let rows = self.rows();
        let filler = match self.bits.last() {
            Some(sign) if self.signed => sign.clone(),
            _ => BitShare::zeros(rows),
        };
        let mut bits = self.bits.clone();
        bits.resize(width, filler);
        Self { bits, signed: self.signed }
    }

    /// The rows in this range.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        self.map(|bit| bit.slice(rows.clone()))
    }

    /// The rows with these numbers, in this order.
    pub fn gather(&self, rows: &[u32]) -> Self {
        self.map(|bit| bit.gather(rows))
    }

    /// Applies one function to every column of bits.
    pub fn map(&self, f: impl FnMut(&BitShare) -> BitShare) -> Self {
        Self { bits: self.bits.iter().map(f).collect(), signed: self.signed }
    }
}

impl fmt::Debug for IntShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.signed { "signed" } else { "unsigned" };
        write!(f, "IntShare({} rows of {} bits, {sign})", self.rows(), self.width())
    }
}
