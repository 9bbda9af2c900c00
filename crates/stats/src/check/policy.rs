//! What a survey's policy allows a plan to reveal, and the tests by which parties enforce it.

use super::kinds::{Kind, Shape, Type};
use crate::error::{Code, PlanError};
use crate::plan::{NodeId, Op, Plan};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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

    /// Refuses a leak that is not allowed, at the node that has it.
    pub(crate) fn check_leaks(&self, leaks: &BTreeMap<Leak, NodeId>) -> Result<(), PlanError> {
        let Some((leak, node)) = leaks.iter().find(|(leak, _)| !self.leaks.contains(leak)) else {
            return Ok(());
        };
        let refusal = PlanError::new(
            Code::Forbidden,
            format!("the plan reveals `{}`, which the survey does not allow", leak.name()),
            format!("leave that statistic out, or add \"{}\" to the survey's `leaks`", leak.name()),
        );
        Err(refusal.at(*node))
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

/// The boolean column by which `node` picks rows out, if it does.
///
/// Two things are no masks. A `select` between two columns by comparing these two (an absolute value, a smaller or
/// larger one) picks values and no rows, as long as none of them is added up: the sum of `max(x, c)` would tell the
/// one value above `c`. And a comparison with the previous row of a sorted column marks ties.
pub fn mask_of(plan: &Plan, types: &[Type], added: &BTreeSet<NodeId>, node: NodeId) -> Option<Mask> {
    let (condition, values) = match plan.op(node) {
        Op::Select { condition, then, otherwise }
            if added.contains(&node) || !picks_values(plan, *condition, *then, *otherwise) =>
        {
            (*condition, vec![*then, *otherwise])
        }
        Op::Number { of } | Op::Sum { of } => (*of, Vec::new()),
        Op::Mode { of, among: Some(among) } => (*among, vec![*of]),
        _ => return None,
    };
    let of = &types[condition.index()];
    let is_mask = of.kind == Kind::Boolean && matches!(of.shape, Shape::Column(_));
    (is_mask && !marks_ties(plan, condition)).then(|| Mask::new(plan, condition, values))
}

/// A boolean column that picks rows out, taken apart: it holds where all of these do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mask {
    /// The boolean column.
    pub condition: NodeId,
    /// Where the values that it picks from are present.
    pub own: BTreeSet<NodeId>,
    /// Where values of other columns are present, or rows of another data set are found.
    pub others: BTreeSet<NodeId>,
    /// What the plan chose.
    pub chosen: BTreeSet<NodeId>,
}

impl Mask {
    /// Takes `condition` apart, which picks from `values`; of a mask that is counted itself, from what it compares.
    pub fn new(plan: &Plan, condition: NodeId, values: Vec<NodeId>) -> Self {
        let mut mask =
            Self { condition, own: BTreeSet::new(), others: BTreeSet::new(), chosen: BTreeSet::new() };
        let mut open = vec![condition];
        while let Some(node) = open.pop() {
            match plan.op(node) {
                Op::And { left, right } => open.extend([*left, *right]),
                Op::Present { .. } | Op::Matched { .. } => {
                    mask.others.insert(node);
                }
                _ => {
                    mask.chosen.insert(node);
                }
            }
        }
        let counted = values.is_empty();
        let values = if counted { mask.chosen.clone() } else { values.into_iter().collect() };
        let depends_on = super::cone(plan, values);
        // A count of what is present names nobody's value.
        let only_present = counted && mask.chosen.is_empty();
        let reads = |op: &Op| depends_on.iter().any(|below| plan.op(*below) == op);
        let looks_up = |key: &NodeId, among: &NodeId| {
            let is = |op: &Op| matches!(op, Op::Lookup { key: k, among: a, .. } if (k, a) == (key, among));
            depends_on.iter().any(|below| is(plan.op(*below)))
        };
        let is_own = |node: &NodeId| {
            only_present
                || match plan.op(*node) {
                    Op::Present { table, name } => {
                        reads(&Op::Column { table: table.clone(), name: name.clone() })
                    }
                    Op::Matched { key, among } => looks_up(key, among),
                    _ => false,
                }
        };
        (mask.own, mask.others) = mask.others.iter().partition(|node| is_own(node));
        mask
    }
}

/// The number columns whose rows are added up, or told apart from their neighbours.
pub fn added(plan: &Plan, types: &[Type]) -> BTreeSet<NodeId> {
    let mut added = BTreeSet::new();
    for node in plan.node_ids().rev() {
        let op = plan.op(node);
        let of = &types[node.index()];
        let passes = added.contains(&node) && of.kind != Kind::Boolean;
        let adds = match op {
            Op::Sum { .. }
            | Op::Dot { .. }
            | Op::CumulativeSum { .. }
            | Op::Rank { .. }
            | Op::Lookup { .. }
            | Op::Matched { .. } => true,
            Op::Equal { .. } => marks_ties(plan, node),
            _ => false,
        };
        if passes || adds {
            let columns = op.arguments().into_iter();
            added.extend(columns.filter(|a| matches!(types[a.index()].shape, Shape::Column(_))));
        }
    }
    added
}

/// The fewest bits that dropping low bits may leave: with fewer, a sum of them would count the rows above a threshold.
const COARSE_BITS: u32 = 16;

/// Refuses operations that pick rows out without a mask.
pub fn check_row_access(plan: &Plan, types: &[Type], op: &Op) -> Result<(), PlanError> {
    let refused = |cause: &str, hint: &str| Err(PlanError::new(Code::Forbidden, cause, hint));
    match op {
        Op::Coarsen { of, bits } if *bits > 0 && types[of.index()].range.width() < bits + COARSE_BITS => {
            refused(
                "so few bits are left that they tell rows apart",
                "compare the column, and use the result as a mask",
            )
        }
        Op::Lookup { key, among, .. } | Op::Matched { key, among }
            if [key, among].iter().any(|node| !matches!(plan.op(**node), Op::Column { .. })) =>
        {
            refused("a join by computed keys could look up single rows", "join by columns as they came in")
        }
        _ => Ok(()),
    }
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
