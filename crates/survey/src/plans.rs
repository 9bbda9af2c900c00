//! Plans named in words: a column and the statistics to take of it. For more, trace a program with the Python
//! package and list the plan's file.

use stats::build::{Column, Program, Scalar};
use stats::library::{Record, group_by};
use stats::{Plan, Schema};

use crate::code::{Code, Refusal};

/// The points of a named Lorenz curve: deciles.
const LORENZ_POINTS: u32 = 10;

#[derive(Clone, Copy)]
enum Statistic {
    One(fn(&Column) -> Scalar),
    Series(fn(&Column) -> Record),
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
    ("lorenz", Series(|column| column.lorenz(LORENZ_POINTS))),
];

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
        let Some((_, statistic)) = STATISTICS.iter().find(|(known, _)| known == wanted) else {
            let known: Vec<_> = names().collect();
            let detail = format!("plan {name}: {wanted} is none of {}", known.join(", "));
            return Err(Refusal::new(Code::InvalidPlan, detail));
        };
        match (by, *statistic) {
            (None, One(statistic)) => program.output([wanted.as_str()], &statistic(&of)),
            (None, Series(statistic)) => statistic(&of).output(&program, wanted),
            (Some(by), One(statistic)) => {
                group_by(&of, &program.column(Schema::DEFAULT, by), statistic).output(&program, wanted);
            }
            (Some(_), Series(_)) => {
                let detail =
                    format!("plan {name}: {wanted} is a series of numbers and cannot be taken by groups");
                return Err(Refusal::new(Code::InvalidPlan, detail));
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
            let plan = build(name, &schema(), "value", None, &[name.to_owned()]).unwrap();
            stats::check(&plan, &schema(), &Limits::none()).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let by_group = build("x", &schema(), "value", Some("group"), &["mean".to_owned()]).unwrap();
        assert_eq!(by_group.outputs.len(), 2);
        let series = build("x", &schema(), "value", Some("group"), &["lorenz".to_owned()]);
        assert!(series.unwrap_err().detail.contains("by groups"));
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
