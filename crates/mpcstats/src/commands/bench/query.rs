//! `mpcstats bench query`: statistics from stored columns, by three parties as processes.

use std::time::Instant;

use algebra::Prg;
use indicatif::{ProgressBar, ProgressStyle};
use rep3::network::Party;
use rep3::open;
use stats::build::{Column, Program};
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
        let planned = plan(&program, args.rows, bits);
        let plan_s = start.elapsed().as_secs_f64();
        progress.inc(1);
        if let Err(refusal) = planned {
            progress.suspend(|| eprintln!("{program}: {refusal}"));
            continue;
        }
        let run = |_| measure(&program, &Work::Query(program.clone()), args.rows, bits, args.rtt_ms);
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
    ("sum", |p| p.output(["sum"], &x(p).sum())),
    ("mean", |p| p.output(["mean"], &x(p).mean())),
    ("max", |p| p.output(["max"], &x(p).max())),
    ("median", |p| p.output(["median"], &x(p).median())),
    ("mode", |p| p.output(["mode"], &x(p).mode())),
    ("variance", |p| p.output(["variance"], &x(p).variance(false))),
    ("covariance", |p| p.output(["covariance"], &x(p).covariance(&y(p), false))),
    ("correlation", |p| p.output(["correlation"], &x(p).correlation(&y(p)))),
    ("linear_regression", |p| library::linear_regression(&x(p), &y(p)).output(p, "line")),
    ("shape", |p| x(p).shape().output(p, "shape")),
    ("gini", |p| p.output(["gini"], &x(p).gini())),
    ("five_numbers", |p| x(p).five_numbers().output(p, "five")),
    ("trimmed_mean", |p| p.output(["trimmed"], &x(p).trimmed_mean(1, 10))),
    ("median_deviation", |p| p.output(["deviation"], &x(p).median_absolute_deviation())),
    ("lorenz", |p| x(p).lorenz(10).output(p, "lorenz")),
    ("weighted_mean", |p| p.output(["mean"], &x(p).weighted_mean(&y(p)))),
    ("geometric_mean", |p| p.output(["mean"], &x(p).geometric_mean())),
    ("harmonic_mean", |p| p.output(["mean"], &x(p).harmonic_mean())),
    ("group_by_mean", |p| library::group_by(&x(p), &column(p, "group"), Column::mean).output(p, "mean")),
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
];

fn schema(rows: usize, bits: usize) -> Schema {
    let number = || ColumnType::number(0, 1, (1 << bits) - 1);
    let columns = [
        ("x", number()),
        ("y", number()),
        ("group", ColumnType::category(["a", "b", "c", "d"])),
        ("side", ColumnType::boolean()),
    ];
    let mut table = Table::new(columns.map(|(name, column)| (name.to_owned(), column)));
    table.max_rows = rows.max(1) as u64;
    Schema::single(table)
}

fn plan(name: &str, rows: usize, bits: usize) -> Result<Checked, Failure> {
    let (_, define) = PROGRAMS.iter().find(|(other, _)| *other == name).ok_or("no such program")?;
    let schema = schema(rows, bits);
    let program = Program::new(name, schema.clone());
    define(&program);
    Ok(check(&program.finish()?, &schema, &Limits::none())?)
}

/// A party's side of a program, with its stored columns. This is a benchmark: every party could compute them all.
pub fn prepare(name: &str, rows: usize, bits: usize, me: Party, seed: &[u8; 32]) -> Result<Run, Failure> {
    let checked = plan(name, rows, bits)?;
    let mut randomness = Prg::from_digest(seed);
    let mut data = clear::Dataset::default();
    for (table, declared) in &checked.plan().schema.tables {
        for (column, of) in &declared.columns {
            let (min, max) = of.stored_range();
            let span = (max - min + 1).unsigned_abs();
            let values: Vec<_> = (0..rows).map(|_| Some(min + (randomness.block() % span) as i128)).collect();
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
