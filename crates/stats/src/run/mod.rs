//! Running a checked plan: one walk, over shares or in the clear.

pub mod clear;
pub mod shared;

use crate::check::{Checked, Interval, Kind, Reason, Type};
use crate::error::PlanError;
use crate::plan::{NodeId, Op, Plan};
use clear::Clear;
use num_bigint::BigInt;
use std::collections::{BTreeMap, BTreeSet};

/// What computes: three parties on shares, or one machine in the clear.
///
/// Values are columns and scalars. Numbers are integers of the scale that the node's [`Type`] says; arguments of
/// operations that need one scale arrive in it.
pub trait Engine {
    /// A column or scalar.
    type Value: Clone;
    /// The values that results are computed from, as this engine opens them.
    type Opened;
    /// Why a run ended without a result.
    type Error: From<PlanError>;

    /// The number of rows of a data set.
    fn rows(&self, table: &str) -> Option<u64>;

    /// A column and, with [`Op::Present`], the bitmap of its values.
    ///
    /// # Errors
    /// If the engine does not have it.
    fn load(&mut self, op: &Op) -> Result<Self::Value, Self::Error>;

    /// A value that everybody knows.
    ///
    /// # Errors
    /// If it does not fit the engine.
    fn public(&mut self, value: &clear::Value, of: &Type) -> Result<Self::Value, Self::Error>;

    /// Every integer times `factor`, of which `range` is known.
    ///
    /// # Errors
    /// If the product does not fit the engine.
    fn scale(
        &mut self,
        value: &Self::Value,
        factor: &BigInt,
        range: &Interval,
    ) -> Result<Self::Value, Self::Error>;

    /// Applies operations that do not depend on each other.
    ///
    /// # Errors
    /// Whatever ends the computation.
    fn apply(&mut self, steps: &[Step<'_, Self::Value>]) -> Result<Vec<Self::Value>, Self::Error>;

    /// Opens single booleans to the parties.
    ///
    /// # Errors
    /// Whatever ends the computation.
    fn reveal(&mut self, booleans: &[Self::Value]) -> Result<Vec<bool>, Self::Error>;

    /// Opens single values to the consumer.
    ///
    /// # Errors
    /// Whatever ends the computation.
    fn open(&mut self, values: &[(Self::Value, &Type)]) -> Result<Self::Opened, Self::Error>;
}

/// One operation to apply.
pub struct Step<'a, V> {
    /// The operation.
    pub op: &'a Op,
    /// The type of its result.
    pub of: &'a Type,
    /// Its arguments and their types.
    pub arguments: Vec<(V, Type)>,
    /// How many rows its columns have.
    pub rows: u64,
}

/// What a run gives: which tests held, and the opened values of those results whose tests hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<T> {
    /// The number of rows of each data set.
    pub rows: BTreeMap<String, u64>,
    /// Whether each test of the plan held: public.
    pub tests: Vec<bool>,
    /// The opened values.
    pub values: T,
}

/// Runs `checked` on `engine`.
///
/// # Errors
/// [`Code::Data`](crate::Code::Data) if the engine's data does not fit, and whatever the engine reports.
pub fn run<E: Engine>(checked: &Checked, engine: &mut E) -> Result<Outcome<E::Opened>, E::Error> {
    let rows = rows(checked, engine)?;
    let checked = &checked.for_rows(&rows)?;
    let mut walk = Walk::new(checked, engine, rows);
    let mut tests = vec![false; checked.tests.len()];
    // Whether a group is large enough opens first: of a smaller one, nothing else does.
    for reason in [Reason::TooFew, Reason::Undefined] {
        let open = due(checked, &tests, reason);
        let nodes: Vec<_> = open.iter().map(|test| checked.tests[*test].node).collect();
        walk.evaluate(&nodes)?;
        for (test, holds) in open.into_iter().zip(walk.reveal(&nodes)?) {
            tests[test] = holds;
        }
    }
    let open: Vec<_> = allowed(checked, &tests).collect();
    walk.evaluate(&open)?;
    let values = walk.open(&open)?;
    Ok(Outcome { rows: walk.rows, tests, values })
}

/// Runs `checked` in the clear.
///
/// # Errors
/// [`Code::Data`](crate::Code::Data) if the data does not fit the plan.
pub fn simulate(checked: &Checked, data: clear::Dataset) -> Result<crate::ResultTable, PlanError> {
    let outcome = run(checked, &mut Clear::new(checked.plan.schema.clone(), data))?;
    crate::decode(checked, &outcome)
}

/// The tests for `reason` that a result waits for which nothing before has withheld.
fn due(checked: &Checked, tests: &[bool], reason: Reason) -> BTreeSet<usize> {
    let is = |test: &usize| checked.tests[*test].reason == reason;
    let earlier = |test: &usize| checked.tests[*test].reason < reason;
    let waiting = checked.openings.iter().map(|opening| &opening.tests);
    let waiting =
        waiting.filter(|needed| needed.iter().filter(|test| earlier(test)).all(|test| tests[*test]));
    waiting.flatten().copied().filter(is).collect()
}

/// The nodes that are opened when `tests` hold.
pub fn allowed<'a>(checked: &'a Checked, tests: &'a [bool]) -> impl Iterator<Item = NodeId> + 'a {
    let holds = |test: &usize| tests.get(*test).copied().unwrap_or(false);
    checked.openings.iter().filter(move |opening| opening.tests.iter().all(holds)).map(|opening| opening.node)
}

/// The numbers of rows, each from 1 to the most that the plan is for.
fn rows<E: Engine>(checked: &Checked, engine: &E) -> Result<BTreeMap<String, u64>, E::Error> {
    let mut rows = BTreeMap::new();
    for (name, table) in &checked.plan.schema.tables {
        let count = engine.rows(name).ok_or_else(|| clear::data(format!("no data set `{name}`")))?;
        if count == 0 || count > table.max_rows {
            let cause = format!("`{name}` has {count} rows; the plan is for 1 to {}", table.max_rows);
            return Err(clear::data(cause).into());
        }
        rows.insert(name.clone(), count);
    }
    Ok(rows)
}

struct Walk<'a, E: Engine> {
    checked: &'a Checked,
    engine: &'a mut E,
    clear: Clear,
    rows: BTreeMap<String, u64>,
    public: BTreeMap<NodeId, clear::Value>,
    values: BTreeMap<NodeId, E::Value>,
    /// How many needed nodes still take each value.
    uses: BTreeMap<NodeId, usize>,
}

impl<'a, E: Engine> Walk<'a, E> {
    fn new(checked: &'a Checked, engine: &'a mut E, rows: BTreeMap<String, u64>) -> Self {
        let mut uses = BTreeMap::new();
        for node in checked.needed() {
            for argument in checked.plan.op(node).arguments() {
                *uses.entry(argument).or_default() += 1;
            }
        }
        let roots = checked.tests.iter().map(|test| test.node).chain(checked.opened());
        for root in roots {
            *uses.entry(root).or_default() += 1;
        }
        let clear = Clear::without_data(rows.clone());
        Self { checked, engine, clear, rows, public: BTreeMap::new(), values: BTreeMap::new(), uses }
    }

    fn of(&self, node: NodeId) -> &'a Type {
        &self.checked.types[node.index()]
    }

    /// Computes `roots` and what they depend on, as many nodes of a kind at once as there are.
    fn evaluate(&mut self, roots: &[NodeId]) -> Result<(), E::Error> {
        let plan = &self.checked.plan;
        let mut missing: BTreeSet<NodeId> = BTreeSet::new();
        let mut open: Vec<_> = roots.to_vec();
        while let Some(node) = open.pop() {
            if !self.has(node) && missing.insert(node) {
                open.extend(plan.op(node).arguments());
            }
        }
        waves(plan, &missing).iter().try_for_each(|wave| self.compute(wave))
    }

    fn has(&self, node: NodeId) -> bool {
        self.values.contains_key(&node) || self.public.contains_key(&node)
    }

    fn compute(&mut self, wave: &[NodeId]) -> Result<(), E::Error> {
        let mut secret = Vec::new();
        for node in wave {
            let op = self.checked.plan.op(*node);
            if self.of(*node).public {
                let value = self.compute_public(*node, op)?;
                self.public.insert(*node, value);
            } else if matches!(op, Op::Column { .. } | Op::Present { .. }) {
                let value = self.engine.load(op)?;
                self.values.insert(*node, value);
            } else {
                secret.push(*node);
            }
        }
        let steps = secret.iter().map(|node| self.step(*node)).collect::<Result<Vec<_>, _>>()?;
        let results = self.engine.apply(&steps)?;
        self.values.extend(secret.iter().copied().zip(results));
        for node in wave {
            self.release(*node);
        }
        Ok(())
    }

    /// Drops the arguments of `node` that nothing else takes.
    fn release(&mut self, node: NodeId) {
        for argument in self.checked.plan.op(node).arguments() {
            if let Some(left) = self.uses.get_mut(&argument) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.values.remove(&argument);
                }
            }
        }
    }

    fn compute_public(&mut self, node: NodeId, op: &Op) -> Result<clear::Value, E::Error> {
        if let Op::Index { like } = op {
            let rows = self.rows_of(*like);
            return Ok(clear::Value::Numbers((0..i128::from(rows)).collect()));
        }
        let mut arguments = Vec::new();
        for argument in op.arguments() {
            let value = self.public.get(&argument).ok_or_else(|| clear::data("a public value is missing"))?;
            arguments.push((value.clone(), self.of(argument).clone()));
        }
        let rows = self.rows_of(node);
        let step = Step { op, of: self.of(node), arguments, rows };
        Ok(self.clear.apply_one(&step)?)
    }

    fn rows_of(&self, node: NodeId) -> u64 {
        match &self.of(node).shape {
            crate::check::Shape::Column(rows) => self.rows.get(&rows.table).copied().unwrap_or(0),
            crate::check::Shape::Scalar => 1,
        }
    }

    fn step(&mut self, node: NodeId) -> Result<Step<'a, E::Value>, E::Error> {
        let op = self.checked.plan.op(node);
        let nodes = op.arguments();
        let numbers = if matches!(op, Op::Select { .. }) { &nodes[1..] } else { &nodes[..] };
        let common = match op {
            Op::Add { .. } | Op::Subtract { .. } | Op::Less { .. } | Op::Equal { .. } | Op::Select { .. }
                if numbers.iter().all(|n| matches!(self.of(*n).kind, Kind::Number(_))) =>
            {
                numbers.iter().map(|n| self.of(*n).scale()).reduce(crate::check::Scale::common)
            }
            _ => None,
        };
        let mut arguments = Vec::new();
        for argument in &nodes {
            let mut of = self.of(*argument).clone();
            let mut value = self.value(*argument)?;
            if let (Some(to), Kind::Number(from)) = (common, &of.kind)
                && *from != to
            {
                let factor = from.factor(to);
                of.range = of.range.multiply(&Interval::point(factor.clone()));
                value = self.engine.scale(&value, &factor, &of.range)?;
                of.kind = Kind::Number(to);
            }
            arguments.push((value, of));
        }
        let rows = nodes.iter().map(|n| self.rows_of(*n)).max().unwrap_or(1);
        Ok(Step { op, of: self.of(node), arguments, rows })
    }

    fn value(&mut self, node: NodeId) -> Result<E::Value, E::Error> {
        if let Some(value) = self.values.get(&node) {
            return Ok(value.clone());
        }
        let of = self.of(node);
        let public = self.public.get(&node).ok_or_else(|| clear::data("a value was dropped too early"))?;
        let value = self.engine.public(public, of)?;
        Ok(value)
    }

    fn reveal(&mut self, nodes: &[NodeId]) -> Result<Vec<bool>, E::Error> {
        let mut booleans = Vec::new();
        for node in nodes {
            booleans.push(self.value(*node)?);
        }
        if booleans.is_empty() { Ok(Vec::new()) } else { self.engine.reveal(&booleans) }
    }

    fn open(&mut self, nodes: &[NodeId]) -> Result<E::Opened, E::Error> {
        let mut values = Vec::new();
        for node in nodes {
            values.push((self.value(*node)?, self.of(*node)));
        }
        self.engine.open(&values)
    }
}

/// The order in which `nodes` are computed, which depend on each other and on what is there already: the nodes of a
/// wave are of one kind and wait for none of the same wave.
pub(crate) fn waves(plan: &Plan, nodes: &BTreeSet<NodeId>) -> Vec<Vec<NodeId>> {
    let mut waits: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    let mut ready: BTreeMap<u8, Vec<NodeId>> = BTreeMap::new();
    for node in nodes {
        let arguments: BTreeSet<_> = plan.op(*node).arguments().into_iter().collect();
        let arguments: Vec<_> = arguments.intersection(nodes).copied().collect();
        if arguments.is_empty() {
            ready.entry(rank(plan.op(*node))).or_default().push(*node);
        }
        waits.insert(*node, arguments.len());
        for argument in arguments {
            waiting.entry(argument).or_default().push(*node);
        }
    }
    let mut waves = Vec::new();
    while let Some((_, wave)) = ready.pop_first() {
        for next in wave.iter().filter_map(|node| waiting.get(node)).flatten() {
            let Some(left) = waits.get_mut(next) else { continue };
            *left -= 1;
            if *left == 0 {
                ready.entry(rank(plan.op(*next))).or_default().push(*next);
            }
        }
        waves.push(wave);
    }
    waves
}

/// Cheap operations first, so that the dear ones wait for each other and run as one batch. Operations that an engine
/// runs together have a rank of their own.
fn rank(op: &Op) -> u8 {
    match op {
        Op::Column { .. } | Op::Present { .. } | Op::Rows { .. } | Op::Constant { .. } | Op::Index { .. } => {
            0
        }
        Op::Add { .. } | Op::Subtract { .. } | Op::Not { .. } | Op::Xor { .. } | Op::Require { .. } => 1,
        Op::Previous { .. } | Op::CumulativeSum { .. } | Op::Coarsen { .. } => 2,
        Op::And { .. } => 3,
        Op::Is { .. } => 4,
        Op::Less { .. } => 5,
        Op::Equal { .. } => 6,
        Op::Select { .. } => 7,
        Op::Number { .. } => 8,
        Op::Lookup { .. } | Op::Matched { .. } => 9,
        Op::Log2 { .. } | Op::Reciprocal { .. } => 10,
        Op::Sort { .. } => 11,
        Op::Rank { .. } => 12,
        Op::Mode { .. } => 13,
        Op::Multiply { .. } => 14,
        Op::Sum { .. } => 15,
        Op::Dot { .. } => 16,
        Op::Min { .. } | Op::Max { .. } => 17,
        Op::OrderStatistic { .. } => 18,
        Op::Element { .. } => 19,
        Op::FloorDivide { .. } | Op::Floor { .. } => 20,
        Op::Divide { .. } => 21,
        Op::Sqrt { .. } => 22,
        Op::Log { .. } | Op::Exp { .. } | Op::Distribution { .. } => 23,
    }
}
