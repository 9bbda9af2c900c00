//! Building plans: columns and scalars with operators, from which a [`Plan`] is traced.
//!
//! A refusal does not interrupt a formula: it is kept, every later operation is ignored, and
//! [`Program::finish`] reports it. ([`Program::take_error`] reports it at once, as the Python package does to point
//! at the user's line.)

mod column;
mod scalar;
mod unit;

pub use column::Column;
pub use scalar::Scalar;
pub use unit::Unit;

use crate::check::{Type, infer};
use crate::error::PlanError;
use crate::plan::{Decimal, NodeId, Op, Output, Plan, Schema, VERSION};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A plan in the making. Clones are handles to the same plan.
#[derive(Clone)]
pub struct Program {
    state: Rc<RefCell<State>>,
}

struct State {
    name: String,
    schema: Schema,
    nodes: Vec<Op>,
    types: Vec<Type>,
    positions: HashMap<Op, NodeId>,
    outputs: Vec<Output>,
    /// Where the author wrote each of the first nodes; see [`Program::locate`].
    places: Vec<Option<String>>,
    error: Option<PlanError>,
}

impl Program {
    /// An empty plan over the data sets of `schema`.
    pub fn new(name: impl Into<String>, schema: Schema) -> Self {
        let state = State {
            name: name.into(),
            schema,
            nodes: Vec::new(),
            types: Vec::new(),
            positions: HashMap::new(),
            outputs: Vec::new(),
            places: Vec::new(),
            error: None,
        };
        let program = Self { state: Rc::new(RefCell::new(state)) };
        program.constant(0);
        program
    }

    /// A column of a data set, leaving out missing values.
    pub fn column(&self, table: &str, name: &str) -> Column {
        let op = |present: bool| {
            let (table, name) = (table.to_owned(), name.to_owned());
            if present { Op::Present { table, name } } else { Op::Column { table, name } }
        };
        let declared =
            self.state.borrow().schema.tables.get(table).and_then(|t| t.columns.get(name).cloned());
        let node = self.node(op(false));
        let mask = declared.as_ref().filter(|column| column.nullable).map(|_| self.node(op(true)));
        let unit = declared.and_then(|column| column.unit).map(Unit::named);
        Column::new(self, node, mask, unit)
    }

    /// The number of rows of a data set.
    pub fn rows(&self, table: &str) -> Scalar {
        Scalar::new(self, self.node(Op::Rows { table: table.to_owned() }), None)
    }

    /// A public whole number.
    pub fn constant(&self, value: i64) -> Scalar {
        self.decimal(&Decimal::new(value, 0))
    }

    /// A public decimal number.
    pub fn decimal(&self, value: &Decimal) -> Scalar {
        Scalar::new(self, self.node(Op::Constant { value: value.clone() }), None)
    }

    /// Names a result.
    pub fn output<P: Into<String>>(&self, path: impl IntoIterator<Item = P>, value: &Scalar) {
        let path = path.into_iter().map(Into::into).collect();
        let unit = value.unit().map(ToString::to_string);
        self.state.borrow_mut().outputs.push(Output { path, node: value.node(), unit });
    }

    /// Takes the first refusal, if there was one.
    pub fn take_error(&self) -> Option<PlanError> {
        self.state.borrow_mut().error.take()
    }

    /// Records a refusal.
    pub fn refuse(&self, error: PlanError) {
        self.state.borrow_mut().error.get_or_insert(error);
    }

    /// Tells where the author wrote what has been added since the last call, asking only if something has.
    pub fn locate(&self, place: impl FnOnce() -> Option<String>) {
        let mut state = self.state.borrow_mut();
        let nodes = state.nodes.len();
        if state.places.len() < nodes {
            state.places.resize(nodes, place());
        }
    }

    /// Where the author wrote each node of the [finished](Self::finish) plan, as far as [`locate`](Self::locate) told.
    pub fn places(&self) -> Vec<Option<String>> {
        let state = self.state.borrow();
        let place = |position: usize| state.places.get(position).cloned().flatten();
        state
            .used()
            .into_iter()
            .enumerate()
            .filter(|(_, used)| *used)
            .map(|(position, _)| place(position))
            .collect()
    }

    /// The plan: nodes that no output depends on are left out, and columns that it does not read.
    ///
    /// # Errors
    /// The first refusal of an operation.
    pub fn finish(&self) -> Result<Plan, PlanError> {
        let state = self.state.borrow();
        if let Some(error) = &state.error {
            return Err(error.clone());
        }
        let used = state.used();
        let mut renumbered = HashMap::new();
        let mut nodes = Vec::new();
        for (position, op) in state.nodes.iter().enumerate().filter(|(position, _)| used[*position]) {
            renumbered.insert(NodeId(position as u32), NodeId(nodes.len() as u32));
            nodes.push(op.renumbered(&renumbered));
        }
        let outputs =
            state.outputs.iter().cloned().map(|output| Output { node: renumbered[&output.node], ..output });
        let plan = Plan {
            version: VERSION,
            name: state.name.clone(),
            schema: read_columns(&state.schema, &nodes),
            nodes,
            outputs: outputs.collect(),
        };
        plan.check_form().map(|()| plan)
    }

    /// The node that applies `op`: an earlier one if there is one.
    fn node(&self, op: Op) -> NodeId {
        let mut state = self.state.borrow_mut();
        if let Some(node) = state.positions.get(&op) {
            return *node;
        }
        if state.error.is_some() {
            return NodeId(0);
        }
        match infer(&state.schema, &state.nodes, &state.types, &op) {
            Ok(of) => {
                let node = NodeId(state.nodes.len() as u32);
                state.nodes.push(op.clone());
                state.types.push(of);
                state.positions.insert(op, node);
                node
            }
            Err(error) => {
                state.error = Some(error);
                NodeId(0)
            }
        }
    }

    fn of(&self, node: NodeId) -> Type {
        self.state.borrow().types[node.index()].clone()
    }
}

impl State {
    /// Which nodes the outputs depend on.
    fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.nodes.len()];
        for output in &self.outputs {
            used[output.node.index()] = true;
        }
        for position in (0..self.nodes.len()).rev() {
            if used[position] {
                for argument in self.nodes[position].arguments() {
                    used[argument.index()] = true;
                }
            }
        }
        used
    }
}

/// `schema` without the columns that `nodes` do not name.
fn read_columns(schema: &Schema, nodes: &[Op]) -> Schema {
    let mut read = Schema::default();
    for op in nodes {
        let (table, name) = match op {
            Op::Column { table, name } | Op::Present { table, name } => (table, Some(name)),
            Op::Rows { table } => (table, None),
            _ => continue,
        };
        let Some(declared) = schema.tables.get(table) else { continue };
        let entry = read.tables.entry(table.clone()).or_insert_with(|| {
            let mut empty = declared.clone();
            empty.columns.clear();
            empty
        });
        if let Some((name, column)) = name.and_then(|name| declared.columns.get_key_value(name)) {
            entry.columns.insert(name.clone(), column.clone());
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{ColumnType, Table};

    #[test]
    fn equal_programs_have_equal_plans() {
        let trace = |extra: bool| {
            let columns = [("a", ColumnType::integer(0, 9)), ("b", ColumnType::boolean())];
            let table = Table::new(columns.map(|(name, column)| (name.to_owned(), column)));
            let program = Program::new("p", Schema::single(table));
            let a = program.column(Schema::DEFAULT, "a");
            if extra {
                let _ = &a + 5;
            }
            program.output(["total"], &a.sum());
            program.finish().unwrap()
        };
        let plan = trace(false);
        assert_eq!(plan.id(), trace(true).id());
        assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
        assert_eq!(plan.schema.tables[Schema::DEFAULT].columns.len(), 1);
    }
}
