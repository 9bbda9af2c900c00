//! Which numbers the parties open so that the results can be computed from them, and no more than the results tell.
//!
//! A result often determines a simpler, exact number: with a public count `n`, the mean `sum / n` tells `sum`, and
//! `sum` gives the mean without a rounding. So each result is replaced by an argument that it determines, given
//! what the other results tell, until nothing changes. What is opened then is exactly what the results say.

use super::kinds::{Kind, Type};
use crate::plan::{NodeId, Op, Plan};
use num_traits::Zero;
use std::collections::{BTreeMap, BTreeSet};

/// A number to open, and the numbers that must not be 0 for the results to determine it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards(pub BTreeSet<NodeId>);

/// The nodes to open.
pub fn openings(plan: &Plan, types: &[Type]) -> BTreeMap<NodeId, Guards> {
    let mut targets: BTreeMap<NodeId, Guards> = BTreeMap::new();
    for output in &plan.outputs {
        if !types[output.node.index()].public {
            targets.entry(output.node).or_default();
        }
    }
    while let Some((from, to, guard)) = first_reduction(plan, types, &targets) {
        let mut guards = targets.remove(&from).unwrap_or_default();
        guards.0.extend(guard);
        if let Some(to) = to {
            targets.entry(to).or_default().0.extend(guards.0);
        }
    }
    targets
}

type Reduction = (NodeId, Option<NodeId>, Option<NodeId>);

fn first_reduction(plan: &Plan, types: &[Type], targets: &BTreeMap<NodeId, Guards>) -> Option<Reduction> {
    // What all results tell together is more than what the others tell about one: a quick test comes first.
    let all = known(plan, types, &targets.keys().copied().collect());
    targets.keys().rev().find_map(|target| {
        let follows = follows(plan, *target, &all);
        if !follows && determined(plan, types, *target, &all).is_none() {
            return None;
        }
        let others = targets.keys().filter(|other| *other != target).copied().collect();
        let known = known(plan, types, &others);
        if known[target.index()] {
            return Some((*target, None, None));
        }
        let (argument, guard) = determined(plan, types, *target, &known)?;
        Some((*target, Some(argument), guard))
    })
}

/// Which nodes everybody can compute who knows `opened`.
fn known(plan: &Plan, types: &[Type], opened: &BTreeSet<NodeId>) -> Vec<bool> {
    let mut known: Vec<bool> = Vec::with_capacity(plan.nodes.len());
    for node in plan.node_ids() {
        let is_known = types[node.index()].public || opened.contains(&node) || follows(plan, node, &known);
        known.push(is_known);
    }
    known
}

/// Whether all arguments of `node` are known.
fn follows(plan: &Plan, node: NodeId, known: &[bool]) -> bool {
    let (mut any, mut all) = (false, true);
    plan.op(node).each_argument(|argument| {
        any = true;
        all &= known[argument.index()];
    });
    any && all
}

/// The argument that `node` determines, given what is known, and what must not be 0 for that.
fn determined(plan: &Plan, types: &[Type], node: NodeId, known: &[bool]) -> Option<(NodeId, Option<NodeId>)> {
    let is_known = |node: &NodeId| known[node.index()];
    let other = |left: &NodeId, right: &NodeId| match (is_known(left), is_known(right)) {
        (true, false) => Some((*right, *left)),
        // Both are known only in the quick test, to which either will do.
        (_, true) => Some((*left, *right)),
        (false, false) => None,
    };
    let unless_zero = |(argument, known): (NodeId, NodeId)| {
        if never_zero(&types[known.index()]) {
            return Some((argument, None));
        }
        exact_root(plan, types, known).map(|guard| (argument, Some(guard)))
    };
    if !types[node.index()].is_scalar() {
        return None;
    }
    match plan.op(node) {
        Op::Add { left, right } | Op::Subtract { left, right } => {
            other(left, right).map(|(argument, _)| (argument, None))
        }
        Op::Multiply { left, right }
            if left == right || [left, right].into_iter().any(|node| is_zero(plan, *node)) =>
        {
            None
        }
        Op::Multiply { left, right } | Op::Divide { left, right } => other(left, right).and_then(unless_zero),
        Op::Not { of } | Op::Number { of } | Op::Sqrt { of } | Op::Log { of } | Op::Exp { of } => {
            Some((*of, None))
        }
        Op::Distribution { of, parameters, .. } if parameters.iter().all(is_known) => Some((*of, None)),
        _ => None,
    }
}

/// A product with 0 tells nothing of the other factor.
fn is_zero(plan: &Plan, node: NodeId) -> bool {
    matches!(plan.op(node), Op::Constant { value } if value.units().is_zero())
}

fn never_zero(of: &Type) -> bool {
    of.kind != Kind::Real && !of.range.contains_zero()
}

/// An exact number that is 0 whenever `node` is.
fn exact_root(plan: &Plan, types: &[Type], node: NodeId) -> Option<NodeId> {
    if types[node.index()].kind != Kind::Real {
        return Some(node);
    }
    match plan.op(node) {
        Op::Sqrt { of } | Op::Divide { left: of, .. } => exact_root(plan, types, *of),
        _ => None,
    }
}
