//! `mpcstats bench query`: statistics from stored columns, by three parties as processes.

use std::time::Instant;

use algebra::Prg;
use indicatif::{ProgressBar, ProgressStyle};
use rep3::network::Party;
use rep3::open;
use stats::build::{Column, Program, Scalar};
use stats::plan::Decimal;
use stats::run::clear;
use stats::{Checked, ColumnType, Dataset, Limits, Schema, Table, check, execute, library};

use super::Failure;
use super::engine::party::Run;
use super::engine::{Work, header, measure, row};

/// Arguments of `mpcstats bench query`.
#[derive(clap::Args)]
pub struct Query {
    /// A program to run; may be given several times. All of them, unless given. `demo_query` is the original demo's:
    /// count, max, sum, median and gini.
    #[arg(long = "program", value_name = "NAME", value_parser = names())]
    programs: Vec<String>,
    /// Rows to run it on.
    #[arg(long, default_value_t = 1_000)]
    rows: usize,
    /// Width of the stored integers in bits.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u8).range(1..=62))]
    bits: u8,
    /// The survey's minimum: groups of fewer rows are withheld, and those that would tell of them. 0 withholds nothing.
    #[arg(long, default_value_t = 0)]
    minimum: u32,
    /// Round-trip time in milliseconds to add between parties.
    #[arg(long, default_value_t = 0.0)]
    rtt_ms: f64,
    /// Runs of each program, of which the quickest is printed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Print one JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs the programs one after another.
pub fn run(args: &Query) -> Result<(), Failure> {
    let all = PROGRAMS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let programs: Vec<String> = if args.programs.is_empty() { all } else { args.programs.clone() };
    let progress = if args.json { ProgressBar::hidden() } else { ProgressBar::new(programs.len() as u64) };
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
    if !args.json {
        println!("{}", header());
    }
    let bits = usize::from(args.bits);
    for program in programs {
        progress.set_message(program.clone());
        let start = Instant::now();
        let planned = plan(&program, args.minimum, args.rows, bits);
        let plan_s = start.elapsed().as_secs_f64();
        progress.inc(1);
        if let Err(refusal) = planned {
            progress.suspend(|| eprintln!("{program}: {refusal}"));
            continue;
        }
        let work = Work::Query { program: program.clone(), minimum: args.minimum };
        let run = |_| measure(&program, &work, args.rows, bits, args.rtt_ms);
        let lines = (0..args.runs).map(run).collect::<Result<Vec<_>, _>>()?;
        if let Some(mut line) = lines.into_iter().min_by(|a, b| a.wall_s.total_cmp(&b.wall_s)) {
            line.plan_s = Some(plan_s);
            let text = if args.json { serde_json::to_string(&line)? } else { row(&line) };
            progress.suspend(|| println!("{text}"));
        }
    }
    progress.finish_and_clear();
    Ok(())
}

type Define = fn(&Program);

fn names() -> clap::builder::PossibleValuesParser {
    PROGRAMS.iter().map(|(name, _)| *name).collect::<Vec<_>>().into()
}

fn column(program: &Program, name: &str) -> Column {
    program.column(Schema::DEFAULT, name)
}

fn x(program: &Program) -> Column {
    column(program, "x")
}

fn y(program: &Program) -> Column {
    column(program, "y")
}

const PROGRAMS: &[(&str, Define)] = &[
    ("demo_query", |p| {
        p.output(["count"], &x(p).count());
        p.output(["max"], &x(p).max());
        p.output(["sum"], &x(p).sum());
        p.output(["median"], &x(p).median());
        p.output(["gini"], &x(p).gini());
    }),
    ("count", |p| p.output(["count"], &column(p, "part").count())),
    ("sum", |p| p.output(["sum"], &x(p).sum())),
    ("mean", |p| p.output(["mean"], &x(p).mean())),
    ("proportion", |p| p.output(["share"], &column(p, "side").proportion())),
    ("where", |p| {
        p.output(["total"], &column(p, "side").choose(&x(p), &y(p)).sum());
    }),
    ("max", |p| p.output(["max"], &x(p).max())),
    ("range", |p| p.output(["range"], &x(p).range_width())),
    ("median", |p| p.output(["median"], &x(p).median())),
    ("mode", |p| p.output(["mode"], &x(p).mode())),
    ("mode_of_labels", |p| p.output(["mode"], &column(p, "group").mode())),
    ("variance", |p| p.output(["variance"], &x(p).variance(false))),
    ("standard_deviation", |p| p.output(["deviation"], &x(p).standard_deviation(false))),
    ("covariance", |p| p.output(["covariance"], &x(p).covariance(&y(p), false))),
    ("correlation", |p| p.output(["correlation"], &x(p).correlation(&y(p)))),
    ("linear_regression", |p| library::linear_regression(&x(p), &y(p)).output(p, "line")),
    ("multiple_regression", |p| {
        let predictors = [("other", y(p)), ("side", column(p, "side").number())];
        let predictors = predictors.map(|(name, column)| (name.to_owned(), column));
        library::multiple_regression(&predictors, &x(p)).output(p, "plane");
    }),
    ("shape", |p| x(p).shape().output(p, "shape")),
    ("skewness", |p| p.output(["skewness"], &column(p, "small").skewness())),
    ("kurtosis", |p| p.output(["kurtosis"], &column(p, "small").kurtosis())),
    ("gini", |p| p.output(["gini"], &x(p).gini())),
    ("five_numbers", |p| x(p).five_numbers().output(p, "five")),
    ("quantiles", |p| {
        for tenth in 1..10 {
            p.output([format!("{tenth}/10")], &x(p).quantile(tenth, 10));
        }
    }),
    ("histogram", |p| library::histogram(&x(p), &edges(p)).output(p, "bins")),
    ("counts_from", |p| x(p).counts_from(&edges(p)).output(p, "from")),
    ("trimmed_mean", |p| p.output(["trimmed"], &x(p).trimmed_mean(1, 10))),
    ("median_deviation", |p| p.output(["deviation"], &x(p).median_absolute_deviation())),
    ("lorenz", |p| x(p).lorenz(10).output(p, "lorenz")),
    ("weighted_mean", |p| p.output(["mean"], &x(p).weighted_mean(&y(p)))),
    ("weighted_variance", |p| p.output(["variance"], &x(p).weighted_variance(&column(p, "small")))),
    ("geometric_mean", |p| p.output(["mean"], &x(p).geometric_mean())),
    ("harmonic_mean", |p| p.output(["mean"], &x(p).harmonic_mean())),
    ("group_by_mean", |p| library::group_by(&x(p), &column(p, "group"), Column::mean).output(p, "mean")),
    ("group_by_median", |p| {
        library::group_by(&x(p), &column(p, "group"), Column::median).output(p, "median");
    }),
    ("group_by_frequent", |p| {
        library::group_by_frequent(&x(p), &column(p, "small"), 3, Column::mean).output(p, "mean");
    }),
    ("join", |p| {
        let (key, among) = (column(p, "id"), p.column(OTHER, "id"));
        p.output(["sum"], &key.lookup(&among, &p.column(OTHER, "value")).sum());
    }),
    ("two_way_table", |p| {
        library::two_way_table(&column(p, "group"), &column(p, "side")).output(p, "cells");
    }),
    ("chi_squared", |p| {
        library::chi_squared_test(&column(p, "group"), &column(p, "side")).output(p, "chi2");
    }),
    ("welch_t_test", |p| {
        let side = column(p, "side");
        library::welch_t_test(&x(p).filter(&side), &x(p).filter(&!&side)).output(p, "t");
    }),
    ("paired_t_test", |p| library::paired_t_test(&x(p), &y(p)).output(p, "t")),
    ("anova", |p| library::anova(&x(p), &column(p, "group")).output(p, "f")),
    ("mann_whitney", |p| library::mann_whitney(&x(p), &column(p, "side")).output(p, "u")),
    ("spearman", |p| p.output(["rho"], &x(p).rank_correlation(&y(p)))),
    ("mean_interval", |p| library::mean_interval(&x(p), &confidence()).output(p, "mean")),
    ("difference_interval", |p| {
        library::difference_interval(&x(p), &y(p), &confidence()).output(p, "difference");
    }),
    ("proportion_interval", |p| {
        library::proportion_interval(&column(p, "side"), &confidence()).output(p, "share");
    }),
    ("median_interval", |p| library::median_interval(&x(p), &confidence()).output(p, "median")),
    ("median_interval_of_part", |p| {
        library::median_interval(&column(p, "part"), &confidence()).output(p, "median");
    }),
];

/// The data set that `join` joins.
const OTHER: &str = "other";

fn confidence() -> Decimal {
    Decimal::new(95, 2)
}

/// Four numbers in the range of `x`.
fn edges(program: &Program) -> Vec<(String, Scalar)> {
    let edge = |power: u32| ((1u64 << power).to_string(), program.constant(1 << power));
    let bits = x(program).of().range.max.bits() as u32;
    [bits.saturating_sub(4), bits.saturating_sub(3), bits.saturating_sub(2), bits.saturating_sub(1)]
        .map(edge)
        .into()
}

fn schema(rows: usize, bits: usize) -> Schema {
    let number = || ColumnType::number(0, 1, (1 << bits) - 1);
    let id = || ColumnType::number(0, 0, rows as i128);
    let columns = [
        ("x", number()),
        ("y", number()),
        ("group", ColumnType::category(["a", "b", "c", "d"])),
        ("side", ColumnType::boolean()),
        ("part", number().nullable()),
        ("small", ColumnType::number(0, 0, (1 << bits.min(20)) - 1)),
        ("id", id()),
    ];
    let other = [("id", id()), ("value", number())];
    let table = |columns: Vec<(&str, ColumnType)>| {
        let mut table = Table::new(columns.into_iter().map(|(name, column)| (name.to_owned(), column)));
        table.max_rows = rows.max(1) as u64;
        table
    };
    let tables = [(Schema::DEFAULT, table(columns.into())), (OTHER, table(other.into()))];
    Schema { tables: tables.map(|(name, table)| (name.to_owned(), table)).into() }
}

/// The plan of a program.
pub fn plan(name: &str, minimum: u32, rows: usize, bits: usize) -> Result<Checked, Failure> {
    let (_, define) = PROGRAMS.iter().find(|(other, _)| *other == name).ok_or("no such program")?;
    let schema = schema(rows, bits);
    let program = Program::new(name, schema.clone());
    define(&program);
    Ok(check(&program.finish()?, &schema, &Limits { minimum, ..Limits::none() })?)
}

/// A party's side of a program, with its stored columns. This is a benchmark: every party could compute them all.
pub fn prepare(checked: Checked, rows: usize, me: Party, seed: &[u8; 32]) -> Result<Run, Failure> {
    let mut randomness = Prg::from_digest(seed);
    let mut data = clear::Dataset::default();
    for (table, declared) in &checked.plan().schema.tables {
        for (column, of) in &declared.columns {
            let (min, max) = of.stored_range();
            let span = (max - min + 1).unsigned_abs();
            // Keys differ from each other; other values are any.
            let mut value = |row: usize| {
                if column == "id" { row as i128 } else { min + (randomness.block() % span) as i128 }
            };
            let present = |row: usize| !of.nullable || row % 4 != 3;
            let values: Vec<_> = (0..rows).map(|row| present(row).then(|| value(row))).collect();
            data.insert(table, column, of, &values)?;
        }
    }
    let [p0, p1, p2] = Dataset::deal(&checked.plan().schema, &data, &mut randomness);
    let mine = match me {
        Party::P0 => p0,
        Party::P1 => p1,
        Party::P2 => p2,
    };
    Ok(Box::new(move |session| {
        let outcome = execute(&checked, &mine, session)?;
        open(&outcome.values, session)?;
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_planned_for_few_rows_and_for_many() {
        for (name, _) in PROGRAMS {
            for rows in [1, 1_000, 1_000_000] {
                let refusal = plan(name, 10, rows, 40).err();
                assert!(refusal.is_none(), "{name} of {rows} rows: {refusal:?}");
            }
        }
    }
}
