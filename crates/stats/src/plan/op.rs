//! The vocabulary of plans. A node applies one operation to earlier nodes.

use super::decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// A node of a plan, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The position.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A probability distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// The standard normal distribution; no parameters.
    Normal,
    /// Student's t; one parameter, the degrees of freedom.
    StudentT,
    /// Chi-squared; one parameter, the degrees of freedom.
    ChiSquared,
    /// Fisher's F; two parameters, the degrees of freedom.
    F,
}

/// What to ask of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tail {
    /// The probability of more than `of`.
    Above,
    /// The probability of more than `|of|` on either side.
    TwoSided,
    /// The value below which `of` of the probability lies.
    Quantile,
}

/// One operation. Fields of type [`NodeId`] name earlier nodes.
///
/// Element-wise operations take columns of the same rows, or scalars, or both (the scalar stands for each row).
/// Numbers are exact: integers with a decimal scale; only `divide`, `sqrt`, `log`, `exp` and `distribution`
/// give rounded ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// A column of a data set; 0 where the value is missing.
    Column {
        /// The data set.
        table: String,
        /// The column.
        name: String,
    },
    /// Where a column's value is present.
    Present {
        /// The data set.
        table: String,
        /// The column.
        name: String,
    },
    /// The number of rows of a data set, which is public.
    Rows {
        /// The data set.
        table: String,
    },
    /// The numbers 0, 1, 2, … beside a sorted column.
    Index {
        /// A sorted column.
        like: NodeId,
    },
    /// A public number.
    Constant {
        /// The number.
        value: Decimal,
    },

    /// `left + right`.
    Add {
        /// A number.
        left: NodeId,
        /// A number.
        right: NodeId,
    },
    /// `left - right`.
    Subtract {
        /// A number.
        left: NodeId,
        /// A number.
        right: NodeId,
    },
    /// `left * right`.
    Multiply {
        /// A number.
        left: NodeId,
        /// A number.
        right: NodeId,
    },
    /// `left < right`.
    Less {
        /// A number.
        left: NodeId,
        /// A number.
        right: NodeId,
    },
    /// `left == right`.
    Equal {
        /// A number.
        left: NodeId,
        /// A number.
        right: NodeId,
    },
    /// Whether a category is the one with this label.
    Is {
        /// A category.
        of: NodeId,
        /// The label.
        label: String,
    },
    /// Negation.
    Not {
        /// A boolean.
        of: NodeId,
    },
    /// Conjunction.
    And {
        /// A boolean.
        left: NodeId,
        /// A boolean.
        right: NodeId,
    },
    /// Exclusive or.
    Xor {
        /// A boolean.
        left: NodeId,
        /// A boolean.
        right: NodeId,
    },
    /// `then` where `condition` holds, `otherwise` elsewhere.
    Select {
        /// A boolean.
        condition: NodeId,
        /// A number.
        then: NodeId,
        /// A number.
        otherwise: NodeId,
    },
    /// 1 where `of` holds, 0 elsewhere.
    Number {
        /// A boolean.
        of: NodeId,
    },

    /// The sum of a column; of a boolean column, how many rows hold.
    Sum {
        /// A column.
        of: NodeId,
    },
    /// The sum of `left * right`.
    Dot {
        /// A column.
        left: NodeId,
        /// A column.
        right: NodeId,
    },
    /// The smallest value.
    Min {
        /// A column.
        of: NodeId,
    },
    /// The largest value.
    Max {
        /// A column.
        of: NodeId,
    },
    /// The value at a public rank, counted from 0 in ascending order.
    OrderStatistic {
        /// A column.
        of: NodeId,
        /// A public integer.
        rank: NodeId,
    },
    /// The value of a sorted column at a position, which may be secret; 0 if it lies outside.
    Element {
        /// A sorted column.
        of: NodeId,
        /// An integer.
        at: NodeId,
    },

    /// `take` in ascending order of `by`; equal rows in no particular order.
    Sort {
        /// The column that orders.
        by: NodeId,
        /// The column to put in order.
        take: NodeId,
    },
    /// Running totals of a sorted column: row `i` holds the sum of rows `0..=i`.
    CumulativeSum {
        /// A sorted column.
        of: NodeId,
    },
    /// The row before, of a sorted column; the first row's is 0.
    Previous {
        /// A sorted column.
        of: NodeId,
    },
    /// For each row, how many rows have a smaller value; with `high`, how many others have one that is not larger.
    /// Their mean is the rank, counted from 0, with ties sharing.
    Rank {
        /// A column.
        of: NodeId,
        /// Whether equal values count.
        high: bool,
    },
    /// The value that occurs most often, the smallest (of labels, the first) if several do.
    Mode {
        /// A column of numbers, or a category.
        of: NodeId,
        /// Of a category, the rows that count; all of them if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        among: Option<NodeId>,
    },
    /// Each integer divided by `2^bits` and rounded down.
    Coarsen {
        /// A column.
        of: NodeId,
        /// How many low bits are dropped.
        bits: u32,
    },
    /// For each row of `key`'s data set, `take` of the other data set's row with the same key; 0 without one.
    /// The other data set's keys must differ from each other.
    Lookup {
        /// The keys to look up.
        key: NodeId,
        /// The keys of the other data set.
        among: NodeId,
        /// The column of the other data set to fetch.
        take: NodeId,
    },
    /// For each row of `key`'s data set, whether the other data set has a row with the same key.
    Matched {
        /// The keys to look up.
        key: NodeId,
        /// The keys of the other data set.
        among: NodeId,
    },
    /// The base-2 logarithm of each value of a column of positive numbers, within the error of the engine.
    Log2 {
        /// A column.
        of: NodeId,
    },
    /// One divided by each value of a column of positive numbers, within the error of the engine.
    Reciprocal {
        /// A column.
        of: NodeId,
        /// How many binary digits after the point are kept.
        bits: u32,
    },

    /// A single value, which is undefined unless a condition holds.
    Require {
        /// A single boolean.
        condition: NodeId,
        /// The value.
        of: NodeId,
    },
    /// `left / right` of scalars; undefined if `right` is 0.
    Divide {
        /// A number.
        left: NodeId,
        /// A number.
        right: NodeId,
    },
    /// `left / divisor` of scalars, rounded down.
    FloorDivide {
        /// An exact integer.
        left: NodeId,
        /// A public constant, at least 1.
        divisor: u32,
    },
    /// The largest whole number that is not above a public scalar.
    Floor {
        /// A number.
        of: NodeId,
    },
    /// The square root of a scalar; undefined if it is negative.
    Sqrt {
        /// A number.
        of: NodeId,
    },
    /// The natural logarithm of a scalar; undefined unless it is positive.
    Log {
        /// A number.
        of: NodeId,
    },
    /// e to the power of a scalar.
    Exp {
        /// A number.
        of: NodeId,
    },
    /// A distribution function of published scalars.
    Distribution {
        /// The distribution.
        family: Family,
        /// Which function.
        tail: Tail,
        /// Its argument.
        of: NodeId,
        /// The distribution's parameters.
        parameters: Vec<NodeId>,
    },
}

impl Op {
    /// The nodes it is applied to, in the order of its fields.
    pub fn arguments(&self) -> Vec<NodeId> {
        let mut arguments = Vec::new();
        self.each_argument(|argument| arguments.push(argument));
        arguments
    }

    /// Visits the nodes it is applied to, in the order of its fields.
    pub(crate) fn each_argument(&self, mut visit: impl FnMut(NodeId)) {
        match self {
            Self::Column { .. } | Self::Present { .. } | Self::Rows { .. } | Self::Constant { .. } => {}
            Self::Index { like: of }
            | Self::Is { of, .. }
            | Self::Not { of }
            | Self::Number { of }
            | Self::Sum { of }
            | Self::Min { of }
            | Self::Max { of }
            | Self::CumulativeSum { of }
            | Self::Previous { of }
            | Self::Rank { of, .. }
            | Self::Mode { of, among: None }
            | Self::Coarsen { of, .. }
            | Self::Floor { of }
            | Self::Log2 { of }
            | Self::Reciprocal { of, .. }
            | Self::FloorDivide { left: of, .. }
            | Self::Sqrt { of }
            | Self::Log { of }
            | Self::Exp { of } => visit(*of),
            Self::Add { left, right }
            | Self::Subtract { left, right }
            | Self::Multiply { left, right }
            | Self::Less { left, right }
            | Self::Equal { left, right }
            | Self::And { left, right }
            | Self::Xor { left, right }
            | Self::Dot { left, right }
            | Self::Divide { left, right }
            | Self::OrderStatistic { of: left, rank: right }
            | Self::Element { of: left, at: right }
            | Self::Require { condition: left, of: right }
            | Self::Mode { of: left, among: Some(right) }
            | Self::Sort { by: left, take: right }
            | Self::Matched { key: left, among: right } => [left, right].into_iter().copied().for_each(visit),
            Self::Select { condition: a, then: b, otherwise: c }
            | Self::Lookup { key: a, among: b, take: c } => [a, b, c].into_iter().copied().for_each(visit),
            Self::Distribution { of, parameters, .. } => {
                std::iter::once(of).chain(parameters).copied().for_each(visit);
            }
        }
    }

    /// The same operation with every argument replaced by what `to` maps it to.
    pub(crate) fn renumbered(&self, to: &HashMap<NodeId, NodeId>) -> Self {
        let mut op = self.clone();
        op.arguments_mut(&mut |argument| {
            if let Some(node) = to.get(argument) {
                *argument = *node;
            }
        });
        op
    }

    fn arguments_mut(&mut self, change: &mut dyn FnMut(&mut NodeId)) {
        match self {
            Self::Column { .. } | Self::Present { .. } | Self::Rows { .. } | Self::Constant { .. } => {}
            Self::Index { like: of }
            | Self::Is { of, .. }
            | Self::Not { of }
            | Self::Number { of }
            | Self::Sum { of }
            | Self::Min { of }
            | Self::Max { of }
            | Self::CumulativeSum { of }
            | Self::Previous { of }
            | Self::Rank { of, .. }
            | Self::Mode { of, among: None }
            | Self::Coarsen { of, .. }
            | Self::Floor { of }
            | Self::Log2 { of }
            | Self::Reciprocal { of, .. }
            | Self::FloorDivide { left: of, .. }
            | Self::Sqrt { of }
            | Self::Log { of }
            | Self::Exp { of } => change(of),
            Self::Add { left, right }
            | Self::Subtract { left, right }
            | Self::Multiply { left, right }
            | Self::Less { left, right }
            | Self::Equal { left, right }
            | Self::And { left, right }
            | Self::Xor { left, right }
            | Self::Dot { left, right }
            | Self::Divide { left, right }
            | Self::OrderStatistic { of: left, rank: right }
            | Self::Element { of: left, at: right }
            | Self::Require { condition: left, of: right }
            | Self::Mode { of: left, among: Some(right) }
            | Self::Sort { by: left, take: right }
            | Self::Matched { key: left, among: right } => [left, right].into_iter().for_each(change),
            Self::Select { condition: a, then: b, otherwise: c }
            | Self::Lookup { key: a, among: b, take: c } => [a, b, c].into_iter().for_each(change),
            Self::Distribution { of, parameters, .. } => {
                std::iter::once(of).chain(parameters).for_each(change);
            }
        }
    }

    /// The name it has in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Column { .. } => "column",
            Self::Present { .. } => "present",
            Self::Rows { .. } => "rows",
            Self::Index { .. } => "index",
            Self::Constant { .. } => "constant",
            Self::Add { .. } => "add",
            Self::Subtract { .. } => "subtract",
            Self::Multiply { .. } => "multiply",
            Self::Less { .. } => "less",
            Self::Equal { .. } => "equal",
            Self::Is { .. } => "is",
            Self::Not { .. } => "not",
            Self::And { .. } => "and",
            Self::Xor { .. } => "xor",
            Self::Select { .. } => "select",
            Self::Number { .. } => "number",
            Self::Sum { .. } => "sum",
            Self::Dot { .. } => "dot",
            Self::Min { .. } => "min",
            Self::Max { .. } => "max",
            Self::OrderStatistic { .. } => "order_statistic",
            Self::Element { .. } => "element",
            Self::Sort { .. } => "sort",
            Self::CumulativeSum { .. } => "cumulative_sum",
            Self::Previous { .. } => "previous",
            Self::Rank { .. } => "rank",
            Self::Mode { .. } => "mode",
            Self::Coarsen { .. } => "coarsen",
            Self::Floor { .. } => "floor",
            Self::Lookup { .. } => "lookup",
            Self::Matched { .. } => "matched",
            Self::Log2 { .. } => "log2",
            Self::Reciprocal { .. } => "reciprocal",
            Self::Require { .. } => "require",
            Self::Divide { .. } => "divide",
            Self::FloorDivide { .. } => "floor_divide",
            Self::Sqrt { .. } => "sqrt",
            Self::Log { .. } => "log",
            Self::Exp { .. } => "exp",
            Self::Distribution { .. } => "distribution",
        }
    }
}
