//! Checking a plan: its types, its ranges, and what it would reveal.

mod cells;
mod errors;
mod interval;
mod kinds;
mod narrow;
mod openings;
mod policy;
mod types;

pub use interval::Interval;
pub use kinds::{Kind, Rows, Scale, Shape, Type};
use policy::Mask;
pub use policy::{Leak, Limits};
pub use types::{COMPARE_BITS, FIELD_BITS, FIXED_BITS, infer};

use crate::error::{Code, PlanError};
use crate::plan::{Decimal, NodeId, Op, Plan, PlanId, Schema};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A plan that may run: well typed, proven free of overflow, and allowed by the limits it was checked against.
#[derive(Clone, Debug)]
pub struct Checked {
    id: PlanId,
    outputs: usize,
    pub(crate) plan: Plan,
    pub(crate) types: Vec<Type>,
    /// What is opened, in this order, if its tests hold.
    pub(crate) openings: Vec<Opening>,
    /// Conditions whose truth is opened first.
    pub(crate) tests: Vec<Test>,
    leaks: BTreeSet<Leak>,
}

/// A number to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub node: NodeId,
    /// The tests, by position, that must all hold.
    pub tests: BTreeSet<usize>,
}

/// A condition whose truth is opened before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Test {
    pub node: NodeId,
    pub reason: Reason,
}

/// Why a result is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It depends on fewer rows, or leaves out fewer, than the survey's minimum; or would let such a result be worked out.
    TooFew,
    /// It is undefined for this data, such as a division by 0.
    Undefined,
}

/// Checks `plan` against the columns that a survey has and the limits that its policy sets.
///
/// # Errors
/// The first reason against it, with the node at fault.
pub fn check(plan: &Plan, schema: &Schema, limits: &Limits) -> Result<Checked, PlanError> {
    plan.check_form()?;
    plan.schema.is_within(schema)?;
    limits.check_size(plan)?;
    let mut checker = Checker::new(plan, limits)?;
    for output in &plan.outputs {
        checker.check_output(output.node)?;
    }
    let targets = openings::openings(&checker.plan, &checker.types);
    let mut leaks = BTreeMap::new();
    let mut tests = Tests::default();
    let mut openings = Vec::new();
    let (mut masks, mut masked) = (BTreeSet::new(), Vec::new());
    let added = policy::added(&checker.plan, &checker.types);
    for (node, guards) in targets {
        let (mut required, mut through) = (BTreeSet::new(), BTreeSet::new());
        // What a result is divided by is a part of it, even where other results tell that already.
        let roots: BTreeSet<_> = guards.0.iter().copied().chain([node]).collect();
        for guard in guards.0 {
            let test = checker.not_zero(guard)?;
            required.insert(tests.add(Test { node: test, reason: Reason::Undefined }));
        }
        for below in cone(&checker.plan, roots) {
            let op = checker.plan.op(below).clone();
            checker.check_secret(below, &op)?;
            checker.check_size(node, below, &op)?;
            if let Some(leak) = policy::leak_of(&op) {
                leaks.entry(leak).or_insert(below);
            }
            if let Op::Require { condition, .. } = op {
                required.insert(tests.add(Test { node: condition, reason: Reason::Undefined }));
            }
            if limits.minimum == 0 {
                continue;
            }
            policy::check_row_access(&checker.plan, &checker.types, &op).map_err(|error| error.at(below))?;
            through.extend(checker.masks(below, &op, &added)?);
        }
        checker.check_bound(node)?;
        openings.push(Opening { node, tests: required });
        masks.extend(through.iter().cloned());
        masked.push(through);
    }
    let masks: Vec<_> = masks.into_iter().collect();
    let told: BTreeMap<_, _> = masks.iter().zip(cells::told(&mut checker, &masks, limits.minimum)?).collect();
    for (opening, through) in openings.iter_mut().zip(masked) {
        let told = through.iter().filter_map(|mask| told.get(mask));
        opening.tests.extend(told.map(|node| tests.add(Test { node: *node, reason: Reason::TooFew })));
    }
    limits.check_leaks(&leaks)?;
    let (id, outputs) = (plan.id(), plan.outputs.len());
    let (Checker { plan, types, .. }, tests, leaks) = (checker, tests.list, leaks.into_keys().collect());
    Ok(Checked { id, outputs, plan, types, openings, tests, leaks })
}

impl Checked {
    /// The identity of the plan that was checked.
    pub fn id(&self) -> PlanId {
        self.id
    }

    /// What the plan reveals beyond aggregates.
    pub fn leaks(&self) -> &BTreeSet<Leak> {
        &self.leaks
    }

    /// Whether results are withheld if a mask, a group or a cell holds fewer rows than the limits' minimum.
    pub fn suppresses(&self) -> bool {
        self.tests.iter().any(|test| test.reason == Reason::TooFew)
    }

    /// The plan, with the tests that its limits ask for as further nodes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The type of each node of [`plan`](Self::plan).
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    /// The nodes that are opened, in order, if their conditions hold.
    pub fn opened(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.openings.iter().map(|opening| opening.node)
    }

    /// The same plan for data sets of exactly these numbers of rows: narrower ranges, and tighter bounds on errors.
    pub(crate) fn for_rows(&self, rows: &BTreeMap<String, u64>) -> Result<Self, PlanError> {
        let mut plan = self.plan.clone();
        for (name, table) in &mut plan.schema.tables {
            table.max_rows = rows.get(name).copied().unwrap_or(table.max_rows).min(table.max_rows);
        }
        let mut types = Vec::with_capacity(plan.nodes.len());
        for op in &plan.nodes {
            types.push(infer(&plan.schema, &plan.nodes, &types, op)?);
        }
        Ok(Self { plan, types, ..self.clone() })
    }

    /// How many results the plan names.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Which nodes a party computes on shares: those that openings and tests depend on.
    pub fn needed(&self) -> BTreeSet<NodeId> {
        let roots = self.opened().chain(self.tests.iter().map(|test| test.node));
        cone(&self.plan, roots.collect())
    }
}

#[derive(Default)]
struct Tests {
    list: Vec<Test>,
    positions: BTreeMap<(NodeId, Reason), usize>,
}

impl Tests {
    fn add(&mut self, test: Test) -> usize {
        *self.positions.entry((test.node, test.reason)).or_insert_with(|| {
            self.list.push(test);
            self.list.len() - 1
        })
    }
}

struct Checker {
    plan: Plan,
    types: Vec<Type>,
    /// Where the first node is that applies an operation.
    nodes: HashMap<Op, NodeId>,
    /// The most nodes, tests included.
    most: usize,
}

/// How many times as many nodes as a plan may have its tests may have.
const TESTS: usize = 16;

impl Checker {
    fn new(plan: &Plan, limits: &Limits) -> Result<Self, PlanError> {
        let most = TESTS.saturating_mul(limits.max_nodes as usize);
        let mut checker = Self { plan: plan.clone(), types: Vec::new(), nodes: HashMap::new(), most };
        for (node, op) in plan.node_ids().zip(&plan.nodes) {
            let inferred = infer(&plan.schema, &plan.nodes, &checker.types, op);
            checker.types.push(inferred.map_err(|error| error.at(node))?);
            checker.nodes.entry(op.clone()).or_insert(node);
        }
        Ok(checker)
    }

    fn check_output(&self, node: NodeId) -> Result<(), PlanError> {
        let of = &self.types[node.index()];
        if of.is_scalar() {
            return Ok(());
        }
        let hint = "publish an aggregate of it, such as its mean";
        let cause = format!("a result must be a single value, not {}", of.describe());
        Err(PlanError::new(Code::Forbidden, cause, hint).at(node))
    }

    /// Refuses what the engine cannot compute on secrets.
    fn check_secret(&self, node: NodeId, op: &Op) -> Result<(), PlanError> {
        let of = &self.types[node.index()];
        if of.public {
            return Ok(());
        }
        let real = of.kind == Kind::Real;
        let refused = match op {
            Op::Add { .. } | Op::Subtract { .. } => real,
            Op::Log { .. } | Op::Exp { .. } | Op::Distribution { .. } => true,
            _ => false,
        };
        if !refused {
            return Ok(());
        }
        let cause = format!("`{}` of a rounded secret number cannot be computed", op.name());
        Err(PlanError::new(Code::Secret, cause, "publish the numbers that it is computed from, too").at(node))
    }

    /// Refuses what does not fit the field: of a single number, unless arithmetic makes and takes it, which the engine
    /// then does on bits. What opens, at `target`, always has to fit.
    fn check_size(&self, target: NodeId, node: NodeId, op: &Op) -> Result<(), PlanError> {
        let too_large = |node: NodeId| types::check_range(self.plan.op(node), &self.types[node.index()]);
        let of = &self.types[node.index()];
        let makes =
            matches!(op, Op::Add { .. } | Op::Subtract { .. } | Op::Multiply { .. } | Op::Require { .. });
        let long = makes && of.is_scalar() && of.range.magnitude_bits() <= types::LONG_BITS;
        if of.public || node == target || !long {
            too_large(node).map_err(|error| error.at(node))?;
        }
        let takes =
            makes || matches!(op, Op::Divide { .. } | Op::Sqrt { .. } | Op::Less { .. } | Op::Equal { .. });
        if !takes {
            for argument in op.arguments() {
                too_large(argument).map_err(|error| error.at(argument))?;
            }
        }
        Ok(())
    }

    /// Refuses a rounded number whose error has no bound.
    fn check_bound(&self, node: NodeId) -> Result<(), PlanError> {
        if self.types[node.index()].error.is_finite() {
            return Ok(());
        }
        let cause = format!("the error of `{}` has no bound", self.plan.op(node).name());
        Err(PlanError::new(Code::Secret, cause, "publish the numbers that it is computed from, too").at(node))
    }

    /// The masks by which a node picks rows out: the one that it is given, or where a join finds a partner.
    fn masks(&mut self, node: NodeId, op: &Op, added: &BTreeSet<NodeId>) -> Result<Vec<Mask>, PlanError> {
        let given = policy::mask_of(&self.plan, &self.types, added, node);
        let found = match *op {
            Op::Lookup { key, among, .. } => {
                let matched = self.node(Op::Matched { key, among })?;
                Some(Mask::new(&self.plan, matched, vec![node]))
            }
            _ => None,
        };
        Ok(given.into_iter().chain(found).collect())
    }

    /// The node that applies `op`: an earlier one if there is one.
    fn node(&mut self, op: Op) -> Result<NodeId, PlanError> {
        if let Some(node) = self.nodes.get(&op) {
            return Ok(*node);
        }
        if self.plan.nodes.len() >= self.most {
            let cause = format!("its tests for groups that are too small take more than {} nodes", self.most);
            return Err(PlanError::new(Code::TooLarge, cause, "publish fewer and wider cells"));
        }
        let inferred = infer(&self.plan.schema, &self.plan.nodes, &self.types, &op)?;
        let node = NodeId(self.plan.nodes.len() as u32);
        self.plan.nodes.push(op.clone());
        self.types.push(inferred);
        self.nodes.insert(op, node);
        Ok(node)
    }

    fn constant(&mut self, value: u32) -> Result<NodeId, PlanError> {
        self.node(Op::Constant { value: Decimal::new(value, 0) })
    }

    fn not_zero(&mut self, node: NodeId) -> Result<NodeId, PlanError> {
        let right = self.constant(0)?;
        let of = self.node(Op::Equal { left: node, right })?;
        self.node(Op::Not { of })
    }

    /// Conditions that `mask` holds for enough rows, and leaves out enough: of those whose values are present, by what
    /// the plan chose; and none or enough because values of other columns are missing, which no plan chooses.
    fn large_enough(&mut self, mask: &Mask, minimum: u32) -> Result<Vec<NodeId>, PlanError> {
        let mut tests = vec![self.at_least(mask.condition, minimum)?];
        if !mask.chosen.is_empty() {
            let present: BTreeSet<_> = mask.own.union(&mask.others).copied().collect();
            let out = self.left_out(&mask.chosen, &present)?;
            tests.push(self.at_least(out, minimum)?);
        }
        if !mask.others.is_empty() {
            let out = self.left_out(&mask.others, &mask.own)?;
            let (few, some) = (self.at_least(out, minimum)?, self.at_least(out, 1)?);
            let few = self.node(Op::Not { of: few })?;
            let of = self.node(Op::And { left: few, right: some })?;
            tests.push(self.node(Op::Not { of })?);
        }
        Ok(tests)
    }

    /// Where one of `conditions` fails, among the rows where `present` holds.
    fn left_out(
        &mut self,
        conditions: &BTreeSet<NodeId>,
        present: &BTreeSet<NodeId>,
    ) -> Result<NodeId, PlanError> {
        let all = self.all(conditions.iter().copied())?;
        let mut out = self.node(Op::Not { of: all })?;
        for left in present {
            out = self.node(Op::And { left: *left, right: out })?;
        }
        Ok(out)
    }

    /// Whether all of `conditions` hold.
    fn all(&mut self, conditions: impl IntoIterator<Item = NodeId>) -> Result<NodeId, PlanError> {
        let truth = self.truth()?;
        let conditions = conditions.into_iter().filter(|condition| *condition != truth).collect();
        Ok(self.in_pairs(conditions, |left, right| Op::And { left, right })?.unwrap_or(truth))
    }

    /// Combines nodes two by two until one is left: as deep as the logarithm of their number.
    fn in_pairs(
        &mut self,
        mut nodes: Vec<NodeId>,
        combine: impl Fn(NodeId, NodeId) -> Op,
    ) -> Result<Option<NodeId>, PlanError> {
        while nodes.len() > 1 {
            let mut next = Vec::with_capacity(nodes.len().div_ceil(2));
            for pair in nodes.chunks(2) {
                next.push(match *pair {
                    [left, right] => self.node(combine(left, right))?,
                    _ => pair[0],
                });
            }
            nodes = next;
        }
        Ok(nodes.pop())
    }

    /// A condition that holds.
    fn truth(&mut self) -> Result<NodeId, PlanError> {
        let zero = self.constant(0)?;
        self.node(Op::Equal { left: zero, right: zero })
    }

    fn at_least(&mut self, mask: NodeId, minimum: u32) -> Result<NodeId, PlanError> {
        let rows = self.node(Op::Sum { of: mask })?;
        self.reaches(rows, minimum)
    }

    /// Whether a number is `minimum` or more.
    fn reaches(&mut self, left: NodeId, minimum: u32) -> Result<NodeId, PlanError> {
        let right = self.constant(minimum)?;
        let of = self.node(Op::Less { left, right })?;
        self.node(Op::Not { of })
    }

    /// How many rows have the values that `present` says.
    fn rows_where(&mut self, rows: &Rows, present: &BTreeSet<NodeId>) -> Result<NodeId, PlanError> {
        if present.is_empty() {
            return self.node(Op::Rows { table: rows.table.clone() });
        }
        let of = self.all(present.iter().copied())?;
        self.node(Op::Sum { of })
    }
}

/// `roots` and every node that they depend on.
fn cone(plan: &Plan, roots: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut cone = BTreeSet::new();
    let mut open: Vec<_> = roots.into_iter().collect();
    while let Some(node) = open.pop() {
        if cone.insert(node) {
            open.extend(plan.op(node).arguments());
        }
    }
    cone
}
