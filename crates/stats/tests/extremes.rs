#![allow(missing_docs, reason = "a test is named, not documented")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it must not")]
#![allow(dead_code, reason = "each test file uses a part of what they share")]
//! Values at the ends of their range, for as many rows as a plan is for: what the proof against overflow is about.

mod common;

use common::{assert_close, run_shared, trace};
use stats::build::{Column, Program};
use stats::library::linear_regression;
use stats::run::clear::Dataset;
use stats::{Code, ColumnType, Limits, Schema, Table, check, simulate};

const SIXTEEN_DIGITS: i128 = 9_999_999_999_999_999;

fn schema(rows: u64, gaps: bool) -> Schema {
    let column = |min: i128| {
        let of = ColumnType::number(8, min, SIXTEEN_DIGITS);
        if gaps { of.nullable() } else { of }
    };
    let mut table = Table::new([("x".to_owned(), column(0)), ("y".to_owned(), column(-SIXTEEN_DIGITS))]);
    table.max_rows = rows;
    Schema::single(table)
}

/// `x` and `y` at both ends of their ranges by turns.
fn ends(schema: &Schema, rows: usize) -> Dataset {
    let mut data = Dataset::default();
    for (name, of) in &schema.tables[Schema::DEFAULT].columns {
        let (min, max) = of.stored_range();
        let values: Vec<_> = (0..rows).map(|row| Some(if row % 2 == 0 { max } else { min })).collect();
        data.insert(Schema::DEFAULT, name, of, &values).unwrap();
    }
    data
}

fn columns(p: &Program) -> (Column, Column) {
    (p.column(Schema::DEFAULT, "x"), p.column(Schema::DEFAULT, "y"))
}

#[test]
fn moments_of_a_million_rows_of_sixteen_digits_are_exact() {
    const ROWS: usize = 1_000_000;
    let schema = schema(ROWS as u64, false);
    let plan = trace(&schema, |p| {
        let (x, y) = columns(p);
        p.output(["mean"], &x.mean());
        p.output(["variance"], &x.variance(true));
        p.output(["covariance"], &x.covariance(&y, true));
        p.output(["y"], &y.sum());
    });
    let checked = check(&plan, &schema, &Limits::none()).unwrap();
    let data = ends(&schema, ROWS);
    let (clear, shared) = (simulate(&checked, data.clone()).unwrap(), run_shared(&checked, &schema, &data));
    assert_eq!(clear, shared);
    let half = SIXTEEN_DIGITS as f64 / 2e8;
    assert_close(&shared, "mean", half);
    assert_close(&shared, "variance", half * half);
    assert_close(&shared, "covariance", 2.0 * half * half);
    assert_close(&shared, "y", 0.0);
}

#[test]
fn every_moment_at_the_ends_is_that_of_the_clear_or_refused() {
    const ROWS: usize = 900;
    for gaps in [false, true] {
        let schema = schema(ROWS as u64, gaps);
        let programs: [&dyn Fn(&Program); 9] = [
            &|p| p.output(["r"], &columns(p).0.correlation(&columns(p).1)),
            &|p| p.output(["deviation"], &columns(p).1.standard_deviation(false)),
            &|p| p.output(["dot"], &columns(p).0.dot(&columns(p).1)),
            &|p| p.output(["weighted"], &columns(p).1.weighted_mean(&columns(p).0)),
            &|p| p.output(["spread"], &columns(p).1.weighted_variance(&columns(p).0)),
            &|p| p.output(["gini"], &columns(p).0.gini()),
            &|p| p.output(["sum"], &columns(p).1.sum()),
            &|p| columns(p).0.shape().output(p, "shape"),
            &|p| linear_regression(&columns(p).0, &columns(p).1).output(p, "line"),
        ];
        let mut refused = 0;
        for define in programs {
            let program = Program::new("moment", schema.clone());
            define(&program);
            let checked = program.finish().and_then(|plan| check(&plan, &schema, &Limits::none()));
            let checked = match checked {
                Ok(checked) => checked,
                Err(error) => {
                    assert_eq!(error.code, Code::Overflow, "{error}");
                    refused += 1;
                    continue;
                }
            };
            let data = ends(&schema, ROWS);
            let clear = simulate(&checked, data.clone()).unwrap();
            for (clear, shared) in clear.rows.iter().zip(&run_shared(&checked, &schema, &data).rows) {
                let (Some(a), Some(b)) = (clear.value, shared.value) else {
                    assert_eq!(clear.withheld, shared.withheld, "{:?}", clear.path);
                    continue;
                };
                assert!((a - b).abs() <= clear.error + shared.error, "{:?}: {clear}, {shared}", clear.path);
            }
        }
        println!("{refused} of {} are refused", programs.len());
        assert!(refused < programs.len(), "nothing runs");
    }
}
