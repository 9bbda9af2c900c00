//! Plans named in words: a column and the statistics to take of it. For more, trace a program with the Python
//! package and list the plan's file.

use stats::build::{Column, Program, Scalar};
use stats::library::{Record, group_by, histogram};
use stats::plan::Decimal;
use stats::{Plan, Schema};

use crate::code::{Code, Refusal};

/// The points of a Lorenz curve for which no number is given: deciles.
const LORENZ_POINTS: u32 = 10;

/// The most points of a Lorenz curve, and edges of a histogram.
const MOST_POINTS: usize = 1000;

#[derive(Clone, Copy)]
enum Statistic {
    One(fn(&Column) -> Scalar),
    /// With the texts between its parentheses; an error says what they have to be.
    Series(fn(&Program, &Column, &[&str]) -> Result<Record, &'static str>),
}

use Statistic::{One, Series};

/// The statistics that can be named, and what they are called.
const STATISTICS: &[(&str, Statistic)] = &[
    ("count", One(Column::count)),
    ("sum", One(Column::sum)),
    ("mean", One(Column::mean)),
    ("median", One(Column::median)),
    ("mode", One(Column::mode)),
    ("min", One(Column::min)),
    ("max", One(Column::max)),
    ("variance", One(|column| column.variance(false))),
    ("standard_deviation", One(|column| column.standard_deviation(false))),
    ("proportion", One(Column::proportion)),
    ("gini", One(Column::gini)),
    ("lorenz", Series(lorenz)),
    ("histogram", Series(bins)),
];

/// `lorenz`, `lorenz(4)`.
fn lorenz(_: &Program, column: &Column, arguments: &[&str]) -> Result<Record, &'static str> {
    let points = match arguments {
        [] => Some(LORENZ_POINTS),
        [points] => points.parse().ok().filter(|points| (2..=MOST_POINTS as u32).contains(points)),
        _ => None,
    };
    points.map(|points| column.lorenz(points)).ok_or("give how many points it has: lorenz(10)")
}

/// `histogram(0, 5, 10.5)`.
fn bins(program: &Program, column: &Column, arguments: &[&str]) -> Result<Record, &'static str> {
    let wanted = "give two edges or more, in ascending order: histogram(0, 5, 10.5)";
    let edges: Option<Vec<Decimal>> = arguments.iter().map(|edge| edge.parse().ok()).collect();
    let edges = edges.filter(|edges| (2..=MOST_POINTS).contains(&edges.len())).ok_or(wanted)?;
    let digits = edges.iter().map(Decimal::scale).max().unwrap_or(0);
    if !edges.is_sorted_by(|low, high| low.units_at(digits) < high.units_at(digits)) {
        return Err(wanted);
    }
    let edges: Vec<_> = edges.iter().map(|edge| (edge.to_string(), program.decimal(edge))).collect();
    Ok(histogram(column, &edges))
}

/// A statistic's name and what stands between its parentheses, if it has any.
fn parts(wanted: &str) -> (&str, Vec<&str>) {
    match wanted.strip_suffix(')').and_then(|wanted| wanted.split_once('(')) {
        Some((name, arguments)) => (name, arguments.split(',').map(str::trim).collect()),
        None => (wanted, Vec::new()),
    }
}

/// The names of all statistics.
pub fn names() -> impl Iterator<Item = &'static str> {
    STATISTICS.iter().map(|(name, _)| *name)
}

/// Traces a plan of statistics of one column; with `by`, of each of its groups.
///
/// # Errors
/// [`Code::InvalidPlan`] naming what is unknown or does not fit.
pub fn build(
    name: &str,
    schema: &Schema,
    column: &str,
    by: Option<&str>,
    statistics: &[String],
) -> Result<Plan, Refusal> {
    let table = schema.tables.get(Schema::DEFAULT);
    for column in [Some(column), by].into_iter().flatten() {
        if !table.is_some_and(|table| table.columns.contains_key(column)) {
            return Err(Refusal::new(Code::InvalidPlan, format!("plan {name}: there is no field {column}")));
        }
    }
    let program = Program::new(name, schema.clone());
    let of = program.column(Schema::DEFAULT, column);
    for wanted in statistics {
        let refuse = |why: &str| Refusal::new(Code::InvalidPlan, format!("plan {name}: {wanted}{why}"));
        let (called, arguments) = parts(wanted);
        let Some((_, statistic)) = STATISTICS.iter().find(|(known, _)| *known == called) else {
            let known: Vec<_> = names().collect();
            return Err(refuse(&format!(" is none of {}", known.join(", "))));
        };
        match (by, *statistic) {
            (_, One(_)) if !arguments.is_empty() => return Err(refuse(": it takes nothing in parentheses")),
            (None, One(statistic)) => program.output([called], &statistic(&of)),
            (None, Series(statistic)) => statistic(&program, &of, &arguments)
                .map_err(|why| refuse(&format!(": {why}")))?
                .output(&program, called),
            (Some(by), One(statistic)) => {
                group_by(&of, &program.column(Schema::DEFAULT, by), statistic).output(&program, called);
            }
            (Some(_), Series(_)) => {
                return Err(refuse(" is a series of numbers and cannot be taken by groups"));
            }
        }
    }
    program.finish().map_err(|error| crate::plan_refusal(&error, &format!("plan {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stats::{ColumnType, Limits, Table};

    fn schema() -> Schema {
        let columns = [("value", ColumnType::integer(0, 1000)), ("group", ColumnType::category(["a", "b"]))];
        Schema::single(Table::new(columns.map(|(name, column)| (name.to_owned(), column))))
    }

    #[test]
    fn every_statistic_makes_a_plan_that_checks() {
        for name in names().filter(|name| *name != "proportion") {
            let wanted = if name == "histogram" { "histogram(0, 10, 100)" } else { name };
            let plan = build(name, &schema(), "value", None, &[wanted.to_owned()]).unwrap();
            stats::check(&plan, &schema(), &Limits::none()).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let by_group = build("x", &schema(), "value", Some("group"), &["mean".to_owned()]).unwrap();
        assert_eq!(by_group.outputs.len(), 2);
        let series = build("x", &schema(), "value", Some("group"), &["lorenz".to_owned()]);
        assert!(series.unwrap_err().detail.contains("by groups"));
    }

    #[test]
    fn a_series_takes_its_points_and_edges_in_parentheses() {
        let paths = |wanted: &str| -> Vec<String> {
            let plan = build("x", &schema(), "value", None, &[wanted.to_owned()]).unwrap();
            plan.outputs.into_iter().map(|output| output.path.join(" ")).collect()
        };
        assert_eq!(paths("lorenz").len(), 9);
        assert_eq!(paths("lorenz(4)"), ["lorenz 1/4", "lorenz 2/4", "lorenz 3/4"]);
        assert_eq!(paths("histogram( 0,7.5 , 20)"), ["histogram [0, 7.5)", "histogram [7.5, 20]"]);
        for wrong in [
            "lorenz(1)",
            "lorenz(1001)",
            "lorenz(4, 5)",
            "lorenz()",
            "histogram",
            "histogram()",
            "histogram(1)",
            "histogram(2, 1)",
            "histogram(1, 1)",
            "histogram(1, x)",
            "mean(1)",
        ] {
            let refused = build("x", &schema(), "value", None, &[wrong.to_owned()]).unwrap_err();
            assert!(refused.detail.starts_with(&format!("plan x: {wrong}: ")), "{}", refused.detail);
        }
    }

    #[test]
    fn what_is_unknown_is_named() {
        let refused = |column: &str, statistic: &str| {
            build("x", &schema(), column, None, &[statistic.to_owned()]).unwrap_err().detail
        };
        assert!(refused("other", "mean").contains("other"));
        assert!(refused("value", "average").contains("average"));
    }
}
