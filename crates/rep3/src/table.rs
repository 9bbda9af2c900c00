//! Columns whose rows belong together.

use std::ops::Range;

use crate::share::{BitShare, FieldShare, IntShare};

/// Shared columns of one length, of bits and of field elements: what is shuffled and sorted row by row.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Columns of bits.
    pub bits: Vec<BitShare>,
    /// Columns of field elements.
    pub field: Vec<FieldShare>,
}

impl Table {
    /// A table of these columns of field elements only.
    pub fn of_field(columns: Vec<FieldShare>) -> Self {
        Self { bits: Vec::new(), field: columns }
    }

    /// A table of the bits of these integers, one column after another; [`Table::take_ints`] takes them out.
    pub fn of_ints(columns: &[&IntShare]) -> Self {
        Self {
            bits: columns.iter().flat_map(|column| column.bits.iter().cloned()).collect(),
            field: Vec::new(),
        }
    }

    /// The number of rows; 0 without columns.
    pub fn rows(&self) -> usize {
        let bits = self.bits.first().map(BitShare::len);
        bits.or(self.field.first().map(FieldShare::len)).unwrap_or(0)
    }

    /// Whether every column has as many rows as [`Table::rows`] says.
    pub fn is_rectangular(&self) -> bool {
        let rows = self.rows();
        self.bits.iter().all(|column| column.len() == rows)
            && self.field.iter().all(|column| column.len() == rows)
    }

    /// Adds a table's columns on the right.
    pub fn join(mut self, right: Self) -> Self {
        self.bits.extend(right.bits);
        self.field.extend(right.field);
        self
    }

    /// Takes the first columns of bits off, as integers like these in width and sign.
    pub fn take_ints(&mut self, like: &[&IntShare]) -> Vec<IntShare> {
        let mut bits = std::mem::take(&mut self.bits).into_iter();
        let take = |like: &&IntShare| IntShare {
            bits: bits.by_ref().take(like.width()).collect(),
            signed: like.signed,
        };
        let ints = like.iter().map(take).collect();
        self.bits = bits.collect();
        ints
    }

    /// The rows with these numbers, in this order.
    pub fn gather(&self, rows: &[u32]) -> Self {
        Self {
            bits: crate::rows::gather(&self.bits, rows),
            field: self.field.iter().map(|column| column.gather(rows)).collect(),
        }
    }

    /// The rows in this range.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        Self {
            bits: self.bits.iter().map(|column| column.slice(rows.clone())).collect(),
            field: self.field.iter().map(|column| column.slice(rows.clone())).collect(),
        }
    }

    /// One table's rows after another's. The tables must have the same columns.
    pub fn stack(&self, below: &Self) -> Self {
        Self {
            bits: self.bits.iter().zip(&below.bits).map(|(a, b)| BitShare::concat([a, b])).collect(),
            field: self.field.iter().zip(&below.field).map(|(a, b)| FieldShare::concat([a, b])).collect(),
        }
    }
}
