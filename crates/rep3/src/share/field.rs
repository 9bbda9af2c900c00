//! Columns of shared field elements.

use std::fmt;
use std::ops::Range;

use algebra::Fp;

use crate::network::Party;

/// A column of shared elements of `F_p`, p = 2^127 - 1, one a row.
#[derive(Clone, Default)]
pub struct FieldShare {
    /// Component `i` of every row, at party `i`.
    pub own: Vec<Fp>,
    /// Component `i + 1` of every row, at party `i`.
    pub next: Vec<Fp>,
}

/// Consecutive rows of a column, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct FieldRows<'a> {
    /// Component `i` of every row, at party `i`.
    pub own: &'a [Fp],
    /// Component `i + 1` of every row, at party `i`.
    pub next: &'a [Fp],
}

impl FieldShare {
    /// The rows in this range, borrowed.
    pub(crate) fn rows(&self, rows: Range<usize>) -> FieldRows<'_> {
        FieldRows { own: &self.own[rows.clone()], next: &self.next[rows] }
    }

    /// `len` shared zeros.
    pub fn zeros(len: usize) -> Self {
        Self { own: vec![Fp::default(); len], next: vec![Fp::default(); len] }
    }

    /// A sharing of public values, at party `me`.
    pub fn public(values: &[Fp], me: Party) -> Self {
        Self::zeros(values.len()).add_public(values, me)
    }

    /// Number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.own.len()
    }

    /// Whether there are no rows.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// Sum, row by row. The columns must have one length.
    pub fn add(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    /// Difference, row by row. The columns must have one length.
    pub fn sub(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    /// Negation.
    pub fn neg(&self) -> Self {
        self.map(|a| -a)
    }

    /// Product with one public factor.
    pub fn scale(&self, factor: Fp) -> Self {
        self.map(|a| a * factor)
    }

    /// Product with public factors, row by row.
    pub fn mul_public(&self, factors: &[Fp]) -> Self {
        assert_eq!(self.len(), factors.len(), "columns of one length");
        let products = |x: &[Fp]| x.iter().zip(factors).map(|(&a, &b)| a * b).collect();
        Self { own: products(&self.own), next: products(&self.next) }
    }

    /// Sum with public values, row by row, at party `me`.
    pub fn add_public(&self, values: &[Fp], me: Party) -> Self {
        assert_eq!(self.len(), values.len(), "columns of one length");
        let mut sum = self.clone();
        let component_0 = match me {
            Party::P0 => &mut sum.own,
            Party::P1 => return sum,
            Party::P2 => &mut sum.next,
        };
        for (x, &value) in component_0.iter_mut().zip(values) {
            *x += value;
        }
        sum
    }

    /// Sum with one public value in every row, at party `me`.
    pub fn shift(&self, by: Fp, me: Party) -> Self {
        let mut sum = self.clone();
        let component_0 = match me {
            Party::P0 => &mut sum.own,
            Party::P1 => return sum,
            Party::P2 => &mut sum.next,
        };
        for x in component_0 {
            *x += by;
        }
        sum
    }

    /// The sum of all rows, as a column of one row.
    pub fn sum(&self) -> Self {
        Self { own: vec![self.own.iter().sum()], next: vec![self.next.iter().sum()] }
    }

    /// The rows in this range.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        Self { own: self.own[rows.clone()].to_vec(), next: self.next[rows].to_vec() }
    }

    /// The rows with these numbers, in this order.
    pub fn gather(&self, rows: &[u32]) -> Self {
        let pick = |x: &[Fp]| rows.iter().map(|&row| x[row as usize]).collect();
        Self { own: pick(&self.own), next: pick(&self.next) }
    }

    /// Columns one below the other.
    pub fn concat<'a>(columns: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for column in columns {
            all.own.extend_from_slice(&column.own);
            all.next.extend_from_slice(&column.next);
        }
        all
    }

    fn map(&self, f: impl Fn(Fp) -> Fp) -> Self {
        let each = |x: &[Fp]| x.iter().map(|&a| f(a)).collect();
        Self { own: each(&self.own), next: each(&self.next) }
    }

    fn zip(&self, other: &Self, f: impl Fn(Fp, Fp) -> Fp) -> Self {
        assert_eq!(self.len(), other.len(), "columns of one length");
        let each = |x: &[Fp], y: &[Fp]| x.iter().zip(y).map(|(&a, &b)| f(a, b)).collect();
        Self { own: each(&self.own, &other.own), next: each(&self.next, &other.next) }
    }
}

impl fmt::Debug for FieldShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldShare({} rows)", self.len())
    }
}
