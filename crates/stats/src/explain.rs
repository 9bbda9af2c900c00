//! What a plan does, opens, reveals and costs, before it runs.

use crate::check::{Checked, FIELD_BITS, Interval, Kind, Shape, Type};
use crate::plan::{NodeId, Op};
use crate::run::waves;
use serde::Serialize;

/// What a plan does, opens, reveals and costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The plan's identity, in hexadecimal.
    pub id: String,
    /// What it reveals beyond aggregates.
    pub leaks: Vec<&'static str>,
    /// The operations that parties run on shares, one a line.
    pub nodes: Vec<String>,
    /// What is opened to the consumer.
    pub opened: Vec<String>,
    /// What it costs.
    pub cost: Cost,
}

/// An estimate of what a run costs, on a local network of parties with one core each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// For this many rows.
    pub rows: f64,
    /// Messages that wait for each other.
    pub rounds: f64,
    /// Bytes that each party sends.
    pub bytes: f64,
    /// Seconds.
    pub seconds: f64,
}

/// Explains `checked`, with costs for `rows` rows (the most that it is for, unless told).
pub fn explain(checked: &Checked, rows: Option<u64>) -> Explanation {
    let plan = checked.plan();
    let most = plan.schema.tables.values().map(|table| table.max_rows).max().unwrap_or(1);
    let describe = |node: NodeId| line(checked, node);
    Explanation {
        id: checked.id().to_string(),
        leaks: checked.leaks().iter().map(|leak| leak.name()).collect(),
        nodes: checked
            .needed()
            .into_iter()
            .filter(|n| !checked.types()[n.index()].public)
            .map(describe)
            .collect(),
        opened: checked.opened().map(|node| format!("{} {node}", plan.op(node).name())).collect(),
        cost: estimate(checked, rows.unwrap_or(most)),
    }
}

fn line(checked: &Checked, node: NodeId) -> String {
    let (op, of) = (checked.plan().op(node), &checked.types()[node.index()]);
    let arguments: Vec<String> = op.arguments().iter().map(ToString::to_string).collect();
    let label = match op {
        Op::Column { table, name } | Op::Present { table, name } => format!(" {table}.{name}"),
        Op::Is { label, .. } => format!(" {label:?}"),
        _ => String::new(),
    };
    let shape = if of.is_scalar() { "scalar" } else { "column" };
    let holds = match &of.kind {
        Kind::Number(_) => format!("{} bits", of.range.width()),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Category(labels) => format!("{} labels", labels.len()),
        Kind::Real => "rounded".to_owned(),
    };
    format!("{node} = {}{label}({}): {shape}, {holds}", op.name(), arguments.join(", "))
}

/// Nanoseconds of an AND gate at each party, proof included.
const GATE: f64 = 7.0;
/// Nanoseconds of a product in the field, proof included.
const PRODUCT: f64 = 100.0;
/// Nanoseconds of an element shuffled.
const SHUFFLED: f64 = 500.0;
/// Seconds of a round on a local network.
const ROUND: f64 = 60e-6;
/// Rounds of a verification and an opening.
const VERIFY: f64 = 5.0;

/// Gates, field elements sent, rounds: what a node costs.
#[derive(Clone, Copy, Default)]
struct Work {
    gates: f64,
    elements: f64,
    products: f64,
    shuffled: f64,
    rounds: f64,
}

fn estimate(checked: &Checked, rows: u64) -> Cost {
    let n = rows as f64;
    let mut total = Work { rounds: VERIFY + 1.0, ..Work::default() };
    for wave in waves(checked.plan(), &checked.needed()) {
        let secret =
            wave.iter().map(|node| (*node, &checked.types()[node.index()])).filter(|(_, of)| !of.public);
        let (mut together, mut each) = (0.0, 0.0);
        for (node, of) in secret {
            let work = work(checked, node, of, n);
            total.gates += work.gates;
            total.elements += work.elements;
            total.products += work.products;
            total.shuffled += work.shuffled;
            together = f64::max(together, work.rounds);
            each += work.rounds;
        }
        total.rounds += if wave.first().is_some_and(|node| run_together(checked.plan().op(*node))) {
            together
        } else {
            each
        };
    }
    if !checked.tests.is_empty() {
        total.rounds += VERIFY;
    }
    let bytes = total.gates / 8.0 + total.elements * 16.0 + total.rounds * 200.0;
    let nanoseconds = total.gates * GATE + total.products * PRODUCT + total.shuffled * SHUFFLED;
    Cost { rows: n, rounds: total.rounds, bytes, seconds: nanoseconds * 1e-9 + total.rounds * ROUND }
}

/// Whether the engine takes the rounds of one such operation for all of a wave.
fn run_together(op: &Op) -> bool {
    use Op::{
        And, Divide, Dot, Equal, Is, Less, Lookup, Matched, Multiply, OrderStatistic, Rank, Select, Sort,
        Sqrt, Sum,
    };
    matches!(
        op,
        And { .. }
            | Less { .. }
            | Equal { .. }
            | Is { .. }
            | Select { .. }
            | Sum { .. }
            | Multiply { .. }
            | Dot { .. }
            | Sort { .. }
            | Rank { .. }
            | Lookup { .. }
            | Matched { .. }
            | OrderStatistic { .. }
            | Divide { .. }
            | Sqrt { .. }
    )
}

fn work(checked: &Checked, node: NodeId, of: &Type, n: f64) -> Work {
    let op = checked.plan().op(node);
    let arguments = op.arguments();
    let argument = arguments.first().map_or(of, |argument| &checked.types()[argument.index()]);
    let rows = |of: &Type| if matches!(of.shape, Shape::Column(_)) { n } else { 1.0 };
    let (r, k) = (rows(argument).max(rows(of)), f64::from(width(argument)));
    let log_k = k.log2().ceil().max(1.0);
    let log_n = n.max(2.0).log2();
    match op {
        Op::And { .. } => Work { gates: r, rounds: 1.0, ..Work::default() },
        // Bits are added up by full adders, three rows to one and a carry; field elements by themselves.
        Op::Sum { .. } if counts_bits(checked, &arguments) => {
            Work { gates: k * n, rounds: log_n / 1.5f64.log2() + log_n.log2() + 1.0, ..Work::default() }
        }
        Op::Less { .. } => Work { gates: 2.5 * k * r, rounds: log_k, ..Work::default() },
        Op::Equal { .. } | Op::Is { .. } => Work { gates: k * r, rounds: log_k, ..Work::default() },
        Op::Select { .. } => Work { gates: f64::from(width(of)) * r, rounds: 1.0, ..Work::default() },
        // Too long for the field: bit by bit.
        Op::Multiply { .. } if of.range.magnitude_bits() > FIELD_BITS => {
            Work { gates: 2.0 * f64::from(width(of)).powi(2), rounds: 30.0, ..Work::default() }
        }
        Op::Multiply { .. } => Work { elements: r, products: r, rounds: 1.0, ..Work::default() },
        Op::Dot { .. } => Work { elements: 1.0, products: n, rounds: 1.0, ..Work::default() },
        Op::Number { .. } => Work { elements: 1.4 * r, products: 2.0 * r, rounds: 2.0, ..Work::default() },
        Op::Min { .. } | Op::Max { .. } => {
            Work { gates: 3.5 * k * n, rounds: log_n * (log_k + 1.0), ..Work::default() }
        }
        Op::Sort { .. } | Op::Rank { .. } | Op::Mode { .. } => Work {
            gates: (log_n + 3.0) * 2.8 * (k + log_n) * n,
            elements: 2.0 * n,
            shuffled: n * (2.0 + k / 64.0),
            rounds: 2.0 * log_n * 7.0,
            ..Work::default()
        },
        Op::OrderStatistic { .. } => Work {
            gates: 3.0 * 2.8 * (k + log_n) * n,
            shuffled: n * (1.0 + k / 64.0),
            rounds: 60.0,
            ..Work::default()
        },
        Op::Element { .. } => Work {
            gates: log_n * n,
            elements: 1.4 * n,
            products: 3.0 * n,
            rounds: log_n.log2() + 4.0,
            ..Work::default()
        },
        Op::Lookup { .. } | Op::Matched { .. } => Work {
            gates: (log_n + 4.0) * 2.8 * (k + log_n) * n * 2.0,
            elements: 4.0 * n,
            shuffled: 4.0 * n,
            rounds: 2.0 * log_n * 7.0,
            ..Work::default()
        },
        Op::Log2 { .. } => Work {
            gates: 12_000.0 * n,
            elements: 20.0 * n,
            products: 30.0 * n,
            rounds: 40.0,
            ..Work::default()
        },
        Op::Reciprocal { .. } => Work {
            gates: 15_000.0 * n,
            elements: 40.0 * n,
            products: 40.0 * n,
            rounds: 62.0,
            ..Work::default()
        },
        Op::Divide { .. } | Op::Sqrt { .. } => {
            Work { gates: 40_000.0, elements: 100.0, rounds: 61.0, ..Work::default() }
        }
        Op::FloorDivide { .. } => Work { gates: 1_300.0, elements: 50.0, rounds: 12.0, ..Work::default() },
        _ => Work::default(),
    }
}

/// Whether a sum is one of bits: of a mask, or of what one picks.
fn counts_bits(checked: &Checked, arguments: &[NodeId]) -> bool {
    arguments.iter().any(|argument| {
        checked.types()[argument.index()].kind == Kind::Boolean
            || matches!(checked.plan().op(*argument), Op::Select { .. } | Op::Number { .. })
    })
}

fn width(of: &Type) -> u32 {
    if of.kind == Kind::Boolean { 1 } else { Interval::width(&of.range) }
}
