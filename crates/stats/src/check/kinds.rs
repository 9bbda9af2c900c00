//! The type of a node: its shape, what it holds, its range, and whether everybody knows it.

use super::interval::Interval;
use crate::plan::NodeId;
use num_bigint::BigInt;
use num_traits::ToPrimitive;

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// A scalar or a column.
    pub shape: Shape,
    /// What it holds.
    pub kind: Kind,
    /// Whether it follows from the plan and the numbers of rows alone.
    pub public: bool,
    /// Every integer that it may hold, before scaling. Not used for reals.
    pub range: Interval,
    /// How far it may be from the number it stands for, before scaling; 0 where exact. For reals: relative, as the
    /// engine on shares computes them.
    pub error: f64,
    /// Further, how far relative to its size; of numbers that are not negative.
    pub relative: f64,
}

/// How many values a node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One.
    Scalar,
    /// One a row.
    Column(Rows),
}

/// The rows of a column: columns line up if these are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The data set.
    pub table: String,
    /// The column whose ascending order the rows are in; `None`: the order of submission.
    pub sorted_by: Option<NodeId>,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Exact numbers: integers divided by the scale.
    Number(Scale),
    /// True or false.
    Boolean,
    /// Indices into these labels.
    Category(Vec<String>),
    /// A rounded number.
    Real,
}

/// The number that integers are divided by: `10^decimal * 2^binary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    /// Decimal digits after the dot.
    pub decimal: u32,
    /// Binary digits after the point.
    pub binary: u32,
}

impl Scale {
    /// Decimal digits only.
    pub const fn decimal(decimal: u32) -> Self {
        Self { decimal, binary: 0 }
    }

    /// The divisor.
    pub fn divisor(self) -> BigInt {
        BigInt::from(10).pow(self.decimal) << self.binary
    }

    /// The finer of both.
    pub fn common(self, other: Self) -> Self {
        Self { decimal: self.decimal.max(other.decimal), binary: self.binary.max(other.binary) }
    }

    /// What integers of this scale are multiplied by to be of the finer scale `to`.
    pub fn factor(self, to: Self) -> BigInt {
        BigInt::from(10).pow(to.decimal - self.decimal) << (to.binary - self.binary)
    }

    pub(super) fn product(self, other: Self) -> Self {
        Self { decimal: self.decimal + other.decimal, binary: self.binary + other.binary }
    }
}

impl Type {
    pub(super) fn column(rows: Rows, kind: Kind, range: Interval) -> Self {
        Self { shape: Shape::Column(rows), kind, public: false, range, error: 0.0, relative: 0.0 }
    }

    pub(super) fn with(&self, kind: Kind, range: Interval) -> Self {
        Self { kind, range, error: 0.0, relative: 0.0, ..self.clone() }
    }

    pub(super) fn scalar(&self, kind: Kind, range: Interval) -> Self {
        Self { shape: Shape::Scalar, kind, public: self.public, range, error: 0.0, relative: 0.0 }
    }

    /// How far it may be from the number that it stands for, whatever its size.
    pub(super) fn total_error(&self) -> f64 {
        let largest = || self.range.min.magnitude().max(self.range.max.magnitude()).to_f64();
        let relative =
            if self.relative == 0.0 { 0.0 } else { self.relative * largest().unwrap_or(f64::INFINITY) };
        self.error + relative
    }

    /// The scale of a number.
    pub fn scale(&self) -> Scale {
        if let Kind::Number(scale) = self.kind { scale } else { Scale::default() }
    }

    /// Whether it is one value.
    pub fn is_scalar(&self) -> bool {
        self.shape == Shape::Scalar
    }

    /// What this is called in messages.
    pub fn describe(&self) -> String {
        let what = match &self.kind {
            Kind::Number(_) => "number",
            Kind::Boolean => "boolean",
            Kind::Category(_) => "category",
            Kind::Real => "rounded number",
        };
        match &self.shape {
            Shape::Scalar => format!("a single {what}"),
            Shape::Column(rows) => format!("a {what} column of `{}`", rows.table),
        }
    }
}
