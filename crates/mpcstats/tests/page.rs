#![allow(clippy::expect_used, clippy::panic, reason = "a test fails where it must not")]
//! The page's own decoder against the consumer's: over every statistic of the library, computed by three parties.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use algebra::{Fp, Prg};
use net::world::World;
use serde_json::{Value, json};
use stats::build::{Column, Program};
use stats::library::group_by;
use stats::run::clear;
use stats::{ColumnType, Dataset, Limits, Outcome, RunError, Schema, Table, check, decode_elements, execute};

const ROWS: usize = 24;

fn schema() -> Schema {
    let columns = [
        ("x", ColumnType::number(2, 100, 100_000).unit("ETH")),
        ("y", ColumnType::integer(-50, 1000)),
        ("group", ColumnType::category(["a", "b"])),
        ("side", ColumnType::boolean()),
        ("z", ColumnType::integer(0, 500).nullable()),
        ("city", ColumnType::category(["Bern", "Graz", "Linz"]).nullable()),
    ];
    Schema::single(Table::new(columns.map(|(name, column)| (name.to_owned(), column))))
}

fn data(schema: &Schema) -> clear::Dataset {
    let mut data = clear::Dataset::default();
    for (name, value) in [
        ("x", (|row| 100 + (row * row * 37) % 4_000) as fn(i128) -> i128),
        ("y", |row| (row * 29) % 90 - 20),
        ("group", |row| row % 2),
        ("side", |row| i128::from(row % 3 == 0)),
        ("z", |row| (row * row) % 17),
        ("city", |row| (row * row + 1) % 3),
    ] {
        let of = &schema.tables[Schema::DEFAULT].columns[name];
        let present = |row: i128| !of.nullable || row % 7 != 3;
        let values: Vec<_> = (0..ROWS as i128).map(|row| present(row).then(|| value(row))).collect();
        data.insert(Schema::DEFAULT, name, of, &values).expect("data that fits");
    }
    data
}

type Define = fn(&Program);

/// Every statistic of the library, in plans of a few each: what is opened depends on what stands beside it.
const PROGRAMS: &[(&str, Define)] = &[
    ("moments", |p| {
        let (x, y) = (p.column("survey", "x"), p.column("survey", "y"));
        p.output(["count"], &x.count());
        p.output(["sum"], &x.sum());
        p.output(["mean"], &x.mean());
        p.output(["variance"], &x.variance(false));
        p.output(["deviation"], &y.standard_deviation(true));
        p.output(["covariance"], &x.covariance(&y, false));
        p.output(["correlation"], &x.correlation(&y));
        p.output(["rank_correlation"], &x.rank_correlation(&y));
        p.output(["geometric"], &x.geometric_mean());
        p.output(["harmonic"], &x.harmonic_mean());
        p.output(["share"], &p.column("survey", "side").proportion());
        x.shape().output(p, "shape");
    }),
    ("one rounded number alone", |p| {
        p.output(["r"], &p.column("survey", "x").correlation(&p.column("survey", "y")));
    }),
    ("a mean alone", |p| p.output(["mean"], &p.column("survey", "x").mean())),
    ("skewness alone", |p| p.output(["skewness"], &p.column("survey", "x").skewness())),
    ("kurtosis alone", |p| p.output(["kurtosis"], &p.column("survey", "z").kurtosis())),
    ("missing values", |p| {
        let (z, city) = (p.column("survey", "z"), p.column("survey", "city"));
        let confidence = "0.9".parse().expect("a decimal");
        p.output(["count"], &z.count());
        p.output(["mean"], &z.mean());
        p.output(["mode"], &z.mode());
        p.output(["weighted"], &z.weighted_mean(&p.column("survey", "x")));
        p.output(["weighted variance"], &z.weighted_variance(&p.column("survey", "x")));
        z.five_numbers().output(p, "five");
        stats::library::median_interval(&z, &confidence).output(p, "interval");
        let frequent = stats::library::group_by_frequent(&p.column("survey", "x"), &z, 2, Column::mean);
        frequent.output(p, "frequent");
        p.output(["most common city"], &city.mode());
    }),
    ("a label alone", |p| p.output(["group"], &p.column("survey", "group").mode())),
    ("several predictors", |p| {
        let column = |name: &str| p.column("survey", name);
        let predictors = [("first".to_owned(), column("y")), ("second".to_owned(), column("z"))];
        stats::library::multiple_regression(&predictors, &column("x")).output(p, "plane");
    }),
    ("thresholds", |p| {
        let thresholds = [50, 500].map(|edge| (edge.to_string(), p.constant(edge)));
        p.column("survey", "x").counts_from(&thresholds).output(p, "from");
        let group = p.column("survey", "group");
        group_by(&p.column("survey", "z"), &group, Column::median).output(p, "median");
        group_by(&p.column("survey", "z"), &group, |z| z.standard_deviation(false)).output(p, "spread");
    }),
    ("order", |p| {
        let (x, y) = (p.column("survey", "x"), p.column("survey", "y"));
        p.output(["median"], &x.median());
        p.output(["p30"], &y.quantile(3, 10));
        p.output(["mode"], &x.mode());
        p.output(["mad"], &x.median_absolute_deviation());
        p.output(["trimmed"], &x.trimmed_mean(1, 8));
        p.output(["width"], &y.range_width());
        p.output(["gini"], &x.gini());
        x.lorenz(4).output(p, "lorenz");
        x.five_numbers().output(p, "five");
    }),
    ("tables", |p| {
        let (x, group, side) =
            (p.column("survey", "x"), p.column("survey", "group"), p.column("survey", "side"));
        let edges = [0, 10, 20, 50].map(|edge| (edge.to_string(), p.constant(edge)));
        stats::library::histogram(&x, &edges).output(p, "histogram");
        group_by(&x, &group, Column::mean).output(p, "mean");
        stats::library::two_way_table(&group, &side).output(p, "cells");
        stats::library::chi_squared_test(&group, &side).output(p, "chi2");
    }),
    ("hypotheses", |p| {
        let column = |name: &str| p.column("survey", name);
        let (x, y) = (column("x"), column("y"));
        stats::library::welch_t_test(&x, &y).output(p, "welch");
        stats::library::paired_t_test(&x, &y).output(p, "paired");
        stats::library::anova(&x, &column("group")).output(p, "anova");
        stats::library::mann_whitney(&x, &column("side")).output(p, "u");
    }),
    ("regressions and intervals", |p| {
        let column = |name: &str| p.column("survey", name);
        let (x, y) = (column("x"), column("y"));
        let confidence = "0.95".parse().expect("a decimal");
        stats::library::linear_regression(&x, &y).output(p, "line");
        stats::library::mean_interval(&x, &confidence).output(p, "mean");
        stats::library::difference_interval(&x, &y, &confidence).output(p, "difference");
        stats::library::proportion_interval(&column("side"), &confidence).output(p, "share");
        stats::library::median_interval(&x, &confidence).output(p, "median");
    }),
];

/// What three parties open for a plan, as the page gets it.
fn case(limits: &Limits, define: Define, seed: u8) -> Value {
    let schema = schema();
    let program = Program::new("test", schema.clone());
    define(&program);
    let plan = program.finish().expect("a plan");
    let checked = check(&plan, &schema, limits).expect("a plan that checks");
    let parties = Dataset::deal(&schema, &data(&schema), &mut Prg::new(&[seed; 16]));
    let [outcome, ..] = World::new(u64::from(seed)).run(|session| {
        let outcome = match execute(&checked, &parties[session.party().index()], session) {
            Ok(outcome) => outcome,
            Err(RunError::Abort(abort)) => return Err(abort),
            Err(RunError::Plan(error)) => panic!("{error}"),
        };
        let values = rep3::open(&outcome.values, session)?;
        Ok(Outcome { rows: outcome.rows, tests: outcome.tests, values })
    });
    let outcome = outcome.expect("honest parties do not abort");
    let results = decode_elements(&checked, &outcome).expect("results");
    let hex =
        |elements: Vec<Fp>| hex::encode(elements.iter().flat_map(|e| e.to_bytes()).collect::<Vec<u8>>());
    // Any split that adds up: the parties' own is as random.
    let mask =
        |k: i128| outcome.values.iter().map(|_| Fp::from_i128(-1_234_567_890_123_456_789 * k)).collect();
    let (first, second): (Vec<Fp>, Vec<Fp>) = (mask(1), mask(-987_654_321_987));
    let third =
        outcome.values.iter().zip(first.iter().zip(&second)).map(|(v, (a, b))| *v - *a - *b).collect();
    json!({
        "plan": plan, "tests": outcome.tests, "count": ROWS, "results": results,
        "components": [hex(first), hex(second), hex(third)],
    })
}

/// What the page finds wrong with each case.
fn on_the_page(cases: &[Value]) -> Vec<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut node = Command::new("node")
        .arg(root.join("tests/page/decode.mjs"))
        .env("PAGE", root.join("crates/service/src/client_api/page").canonicalize().expect("the page"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node");
    let lines = cases.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    node.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("node reads");
    let output = node.wait_with_output().expect("node ends");
    let text = String::from_utf8(output.stdout).expect("text");
    let found = |line: &str| {
        let object: Value = serde_json::from_str(line).expect("an object a line");
        serde_json::from_value(object["wrong"].clone()).expect("a list of texts")
    };
    text.lines().map(found).collect()
}

#[test]
fn the_page_decodes_what_a_consumer_decodes() {
    let cases: Vec<_> =
        (1..).zip(PROGRAMS).map(|(seed, (_, define))| case(&Limits::none(), *define, seed)).collect();
    let found = on_the_page(&cases);
    assert_eq!(found.len(), PROGRAMS.len(), "one answer a case");
    for ((name, _), wrong) in PROGRAMS.iter().zip(found) {
        assert_eq!(wrong, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_page_decodes_results_of_which_some_are_withheld() {
    let limits = Limits { minimum: 10, ..Limits::none() };
    let define: Define = |p| {
        let (x, group, side) =
            (p.column("survey", "x"), p.column("survey", "group"), p.column("survey", "side"));
        group_by(&x, &group, Column::mean).output(p, "by group");
        group_by(&x, &side, Column::mean).output(p, "by side");
    };
    let case = case(&limits, define, 9);
    let withheld =
        case["results"].as_array().expect("rows").iter().filter(|row| row["value"].is_null()).count();
    assert_eq!(withheld, 2, "a third of the rows are too few: {}", case["results"]);
    assert_eq!(on_the_page(&[case]), [Vec::<String>::new()]);
}

#[test]
fn the_page_refuses_any_altered_number() {
    let whole = case(&Limits::none(), PROGRAMS[0].1, 1);
    let rows = whole["results"].as_array().expect("rows").len();
    let altered: Vec<_> = (0..rows)
        .map(|row| {
            let mut case = whole.clone();
            let value = case["results"][row]["value"].as_f64().expect("a number");
            case["results"][row]["value"] = json!(value + value.abs().max(1.0) * 1e-6);
            case
        })
        .collect();
    for (row, wrong) in on_the_page(&altered).into_iter().enumerate() {
        assert_eq!(wrong.len(), 1, "row {row} alone was altered: {wrong:?}");
    }
}

#[test]
fn the_page_refuses_another_label() {
    let name = "a label alone";
    let (_, define) = PROGRAMS.iter().find(|(other, _)| *other == name).expect("the case");
    let mut case = case(&Limits::none(), *define, 3);
    assert_eq!(case["results"][0]["label"], "a");
    case["results"][0]["label"] = json!("b");
    let wrong = on_the_page(&[case]);
    assert!(wrong[0][0].contains("shown as b"), "{wrong:?}");
}
