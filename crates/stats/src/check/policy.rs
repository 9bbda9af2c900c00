//! What a survey's policy allows a plan to reveal, and the tests by which parties enforce it.

use super::kinds::{Kind, Shape, Type};
use crate::error::{Code, PlanError};
use crate::plan::{NodeId, Op, Plan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A kind of result that says more about single providers than an aggregate does. A survey must name it to allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leak {
    /// The smallest or largest value: some provider's own.
    Extremes,
    /// A median, quantile or mode: one or two providers' own values, at a known rank.
    OrderStatistics,
}

impl Leak {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Extremes, Self::OrderStatistics];

    /// The name that a survey writes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Extremes => "extremes",
            Self::OrderStatistics => "order_statistics",
        }
    }
}

/// What a survey's policy allows plans to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The fewest rows that any mask, group or cell, and the rows it leaves out, may hold. Results that depend on
    /// a smaller one are withheld; that this happened is revealed.
    pub minimum: u32,
    /// What plans may reveal beyond aggregates.
    pub leaks: BTreeSet<Leak>,
    /// The most nodes of a plan.
    pub max_nodes: u32,
    /// The most results of a plan.
    pub max_outputs: u32,
}

impl Default for Limits {
    /// Ten providers at least, and aggregates only.
    fn default() -> Self {
        Self { minimum: 10, leaks: BTreeSet::new(), max_nodes: 10_000, max_outputs: 1_000 }
    }
}

impl Limits {
    /// No limits but size: for data of one's own.
    pub fn none() -> Self {
        Self { minimum: 0, leaks: Leak::ALL.into(), ..Self::default() }
    }

    /// The same, with `leak` allowed.
    pub fn allow(mut self, leak: Leak) -> Self {
        self.leaks.insert(leak);
        self
    }

    pub(crate) fn check_size(&self, plan: &Plan) -> Result<(), PlanError> {
        for (what, size, most) in
            [("nodes", plan.nodes.len(), self.max_nodes), ("outputs", plan.outputs.len(), self.max_outputs)]
        {
            if size > most as usize {
                let cause = format!("the plan has {size} {what} where the survey allows {most}");
                return Err(PlanError::new(Code::TooLarge, cause, "split the program into smaller ones"));
            }
        }
        Ok(())
    }

    pub(crate) fn check_leaks(&self, leaks: &BTreeSet<Leak>) -> Result<(), PlanError> {
        let Some(leak) = leaks.iter().find(|leak| !self.leaks.contains(leak)) else { return Ok(()) };
        Err(PlanError::new(
            Code::Forbidden,
            format!("the plan reveals `{}`, which the survey does not allow", leak.name()),
            format!("leave that statistic out, or add \"{}\" to the survey's `leaks`", leak.name()),
        ))
    }
}

/// What revealing `op` tells beyond an aggregate.
pub fn leak_of(op: &Op) -> Option<Leak> {
    match op {
        Op::Min { .. } | Op::Max { .. } => Some(Leak::Extremes),
        Op::OrderStatistic { .. } | Op::Element { .. } | Op::Mode { .. } => Some(Leak::OrderStatistics),
        _ => None,
    }
}

/// The boolean column by which `op` picks rows out, if it does.
///
/// A `select` between two columns by comparing these two (an absolute value, a smaller or larger one) picks values
/// and no rows; a comparison with the previous row of a sorted column marks ties.
pub fn mask_of(plan: &Plan, types: &[Type], op: &Op) -> Option<NodeId> {
    let mask = match op {
        Op::Select { condition, then, otherwise } if !picks_values(plan, *condition, *then, *otherwise) => {
            *condition
        }
        Op::Number { of } | Op::Sum { of } => *of,
        _ => return None,
    };
    let of = &types[mask.index()];
    let is_mask = of.kind == Kind::Boolean && matches!(of.shape, Shape::Column(_));
    (is_mask && !marks_ties(plan, mask)).then_some(mask)
}

fn picks_values(plan: &Plan, condition: NodeId, then: NodeId, otherwise: NodeId) -> bool {
    let Op::Less { left, right } = plan.op(condition) else { return false };
    let (left, right) = (*left, *right);
    let compared = |node: NodeId| node == left || node == right;
    let negated = |node: NodeId, of: NodeId| matches!(plan.op(node), Op::Subtract { left: zero, right } if *right == of && is_zero(plan, *zero));
    (compared(then) && compared(otherwise))
        || (is_zero(plan, right) && negated(then, left) && otherwise == left)
}

fn is_zero(plan: &Plan, node: NodeId) -> bool {
    matches!(plan.op(node), Op::Constant { value } if value.units() == &0.into())
}

fn marks_ties(plan: &Plan, mask: NodeId) -> bool {
    match plan.op(mask) {
        Op::Not { of } => marks_ties(plan, *of),
        Op::Equal { left, right } => {
            matches!(plan.op(*right), Op::Previous { of } if of == left)
                || matches!(plan.op(*left), Op::Previous { of } if of == right)
        }
        _ => false,
    }
}

/// Splits a mask into the presence of values and the rest: whose value is missing is not chosen by a plan, so rows
/// that a mask leaves out are counted among those present.
pub fn conditions(plan: &Plan, mask: NodeId) -> (BTreeSet<NodeId>, BTreeSet<NodeId>) {
    let (mut present, mut chosen) = (BTreeSet::new(), BTreeSet::new());
    let mut open = vec![mask];
    while let Some(node) = open.pop() {
        match plan.op(node) {
            Op::And { left, right } => open.extend([*left, *right]),
            Op::Present { .. } => {
                present.insert(node);
            }
            _ => {
                chosen.insert(node);
            }
        }
    }
    (present, chosen)
}
