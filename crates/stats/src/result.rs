//! What a consumer gets: named results, each with its error bound, computed from what the parties opened.

use crate::check::{Checked, Kind, Reason, Shape, Type};
use crate::error::PlanError;
use crate::number::Number;
use crate::run::clear::{self, Clear, Value};
use crate::run::{Outcome, Step, allowed};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The most digits after the dot that exact results are printed with.
const EXACT_DIGITS: u32 = 18;

/// The results of a plan, in its order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ResultTable {
    /// The results.
    pub rows: Vec<ResultRow>,
}

/// One result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResultRow {
    /// Its name; for an entry of a series or table followed by its labels.
    pub path: Vec<String>,
    /// The number nearest to it that a computer's floating point has; none if it is withheld.
    pub value: Option<f64>,
    /// How far the truth may be from `value`; 0 where exact.
    pub error: f64,
    /// The label that it is the index of, if it is one of a category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its exact decimal digits, if it has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<String>,
    /// What it is counted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Reason>,
}

impl ResultTable {
    /// The result with this name.
    pub fn get(&self, path: &[&str]) -> Option<&ResultRow> {
        self.rows.iter().find(|row| row.path == path)
    }
}

/// How many entries of a series have to be withheld for one reason before they share a line.
const WORTH_A_LINE: usize = 3;

impl ResultTable {
    /// The results by name; neighbours in a series that are withheld for one reason are one line.
    fn lines(&self) -> impl Iterator<Item = (String, String)> {
        let alike = |a: &ResultRow, b: &ResultRow| {
            a.withheld.is_some() && a.withheld == b.withheld && a.path.first() == b.path.first()
        };
        self.rows.chunk_by(alike).flat_map(|rows| match (rows, rows[0].withheld) {
            ([first, .., last], Some(reason)) if rows.len() >= WORTH_A_LINE => {
                let name = format!("{} … {}", first.path.join(" "), last.path[1..].join(" "));
                vec![(name, format!("withheld, all {}: {reason}", rows.len()))]
            }
            _ => rows.iter().map(|row| (row.path.join(" "), row.to_string())).collect(),
        })
    }
}

impl fmt::Display for ResultTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.lines().collect();
        let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, text) in lines {
            writeln!(f, "{name:<width$}  {text}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ResultRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.label.as_ref().or(self.exact.as_ref()), self.value, self.withheld) {
            (_, _, Some(reason)) => write!(f, "withheld: {reason}")?,
            (Some(text), _, _) => f.write_str(text)?,
            (None, Some(value), _) if self.error == 0.0 => write!(f, "{value}")?,
            (None, Some(value), _) => write!(f, "{value} ± {:.1e}", self.error)?,
            (None, None, None) => f.write_str("withheld")?,
        }
        match &self.unit {
            Some(unit) if self.withheld.is_none() => write!(f, " {unit}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooFew => "would tell of too few providers",
            Self::Undefined => "undefined for this data",
        })
    }
}

/// Computes the results of a plan from the numbers that a run opened.
///
/// # Errors
/// [`Code::Data`](crate::Code::Data) if the outcome is not one of this plan.
pub fn decode(checked: &Checked, outcome: &Outcome<Vec<Number>>) -> Result<ResultTable, PlanError> {
    let checked = &checked.for_rows(&outcome.rows)?;
    let opened: Vec<_> = allowed(checked, &outcome.tests).collect();
    if outcome.tests.len() != checked.tests.len() || opened.len() != outcome.values.len() {
        return Err(clear::data("these numbers were opened by another plan"));
    }
    let mut known: BTreeMap<_, _> = checked
        .openings
        .iter()
        .map(|opening| {
            let failed = opening.tests.iter().filter(|test| !outcome.tests[**test]);
            let reason = failed.map(|test| checked.tests[*test].reason).min().unwrap_or(Reason::Undefined);
            (opening.node, Value::Scalar(Number::Withheld(reason)))
        })
        .collect();
    known.extend(opened.into_iter().zip(outcome.values.iter().cloned().map(Value::Scalar)));
    let clear = Clear::without_data(outcome.rows.clone());
    for (node, op) in checked.plan.node_ids().zip(&checked.plan.nodes) {
        let of = &checked.types[node.index()];
        let arguments: Option<Vec<_>> = op
            .arguments()
            .into_iter()
            .map(|a| Some((known.get(&a)?.clone(), checked.types[a.index()].clone())))
            .collect();
        let follows = arguments.as_ref().is_some_and(|arguments| !arguments.is_empty()) || of.public;
        if known.contains_key(&node) || !follows {
            continue;
        }
        if let Some(arguments) = arguments {
            let rows = match &of.shape {
                Shape::Column(rows) => outcome.rows.get(&rows.table).copied().unwrap_or(0),
                Shape::Scalar => public_rows(checked, op, &outcome.rows),
            };
            let value = match withheld(of, &arguments) {
                Some(reason) => Value::Scalar(Number::Withheld(reason)),
                None => clear.apply_one(&Step { op, of, arguments, rows })?,
            };
            known.insert(node, value);
        } else if let crate::plan::Op::Index { like } = op {
            let Shape::Column(rows) = &checked.types[like.index()].shape else { continue };
            let rows = outcome.rows.get(&rows.table).copied().unwrap_or(0);
            known.insert(node, Value::Numbers((0..i128::from(rows)).collect()));
        }
    }
    let outputs = &checked.plan.outputs;
    let rows = outputs.iter().map(|output| {
        let Some(Value::Scalar(number)) = known.get(&output.node) else {
            return Err(clear::data(format!(
                "`{}` does not follow from what was opened",
                output.path.join(".")
            )));
        };
        Ok(row(output.path.clone(), output.unit.clone(), number, &checked.types[output.node.index()]))
    });
    Ok(ResultTable { rows: rows.collect::<Result<_, _>>()? })
}

/// Why a column, or what is made of one, cannot be computed: a number that it depends on was withheld.
fn withheld(of: &Type, arguments: &[(Value, Type)]) -> Option<Reason> {
    let has_column = !of.is_scalar() || arguments.iter().any(|(_, of)| !of.is_scalar());
    let reasons = arguments.iter().filter_map(|(value, _)| match value {
        Value::Scalar(Number::Withheld(reason)) => Some(*reason),
        _ => None,
    });
    reasons.min().filter(|_| has_column)
}

fn public_rows(checked: &Checked, op: &crate::plan::Op, rows: &BTreeMap<String, u64>) -> u64 {
    op.arguments()
        .iter()
        .filter_map(|argument| match &checked.types[argument.index()].shape {
            Shape::Column(of) => rows.get(&of.table).copied(),
            Shape::Scalar => None,
        })
        .max()
        .unwrap_or(1)
}

fn row(path: Vec<String>, unit: Option<String>, number: &Number, of: &Type) -> ResultRow {
    let exact = number.decimal_text(EXACT_DIGITS);
    let (value, error, withheld) = match number.approximate() {
        Ok((value, error)) => (Some(value), error, None),
        Err(reason) => (None, 0.0, Some(reason)),
    };
    let label = match &of.kind {
        Kind::Category(labels) => value.and_then(|index| labels.get(index as usize).cloned()),
        _ => None,
    };
    ResultRow { path, value, error, label, exact, unit, withheld }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &[&str], withheld: Option<Reason>) -> ResultRow {
        let path = path.iter().map(|&name| name.to_owned()).collect();
        let value = withheld.is_none().then_some(0.5);
        ResultRow { path, value, error: 0.0, label: None, exact: None, unit: None, withheld }
    }

    #[test]
    fn what_is_withheld_of_a_series_for_one_reason_takes_one_line() {
        use Reason::{TooFew, Undefined};
        let few = Some(TooFew);
        let table = ResultTable {
            rows: vec![
                row(&["mean"], few),
                row(&["lorenz", "1/4"], few),
                row(&["lorenz", "2/4"], few),
                row(&["lorenz", "3/4"], few),
                row(&["by team", "red"], few),
                row(&["by team", "blue"], None),
                row(&["by team", "green"], few),
                row(&["by team", "white"], Some(Undefined)),
            ],
        };
        let expected = "\
mean              withheld: would tell of too few providers
lorenz 1/4 … 3/4  withheld, all 3: would tell of too few providers
by team red       withheld: would tell of too few providers
by team blue      0.5
by team green     withheld: would tell of too few providers
by team white     withheld: undefined for this data
";
        assert_eq!(table.to_string(), expected);
    }
}
