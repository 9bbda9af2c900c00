#![allow(missing_docs, reason = "a test is named, not documented")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it must not")]
#![allow(dead_code, reason = "each test file uses a part of what they share")]
//! Programs that try to get at single rows in spite of a survey's minimum. Each is what an attacker would write.

mod common;

use common::run_shared;
use stats::build::{Column, Program};
use stats::check::Reason;
use stats::library::{group_by, linear_regression};
use stats::run::clear::{Clear, Dataset};
use stats::run::run;
use stats::{Code, ColumnType, Limits, Plan, ResultTable, Schema, Table, check, simulate};

/// Twelve rows, of which one value of `x` stands out; `y` is missing once in `gap`, and never in `full`.
fn schema() -> Schema {
    let columns = [
        ("x", ColumnType::integer(-100, 1_000_000)),
        ("y", ColumnType::integer(0, 100)),
        ("gap", ColumnType::integer(0, 100).nullable()),
        ("full", ColumnType::integer(0, 100).nullable()),
        ("group", ColumnType::category(["a", "b", "c"])),
    ];
    let people = Table::new([
        ("id".to_owned(), ColumnType::integer(0, 100)),
        ("income".to_owned(), ColumnType::integer(0, 100_000)),
    ]);
    let survey = Table::new(columns.map(|(name, column)| (name.to_owned(), column)));
    Schema { tables: [(Schema::DEFAULT.to_owned(), survey), ("people".to_owned(), people)].into() }
}

/// `pair`: the values of group c's two rows.
fn data(pair: [i128; 2]) -> Dataset {
    let mut data = Dataset::default();
    let mut add = |table: &str, name: &str, values: &[Option<i128>]| {
        data.insert(table, name, &schema().tables[table].columns[name], values).unwrap();
    };
    let y: Vec<_> = (1..=12).map(Some).collect();
    let mut x: Vec<_> = (0..12).map(|row| Some(row % 5)).collect();
    x[3] = Some(777_777);
    (x[10], x[11]) = (Some(pair[0]), Some(pair[1]));
    let gap: Vec<_> = (0..12).map(|row| (row != 4).then_some(row)).collect();
    add(Schema::DEFAULT, "x", &x);
    add(Schema::DEFAULT, "y", &y);
    add(Schema::DEFAULT, "gap", &gap);
    add(Schema::DEFAULT, "full", &y);
    let group: Vec<_> = (0..12).map(|row| Some(if row < 5 { 0 } else { i128::from(row > 9) + 1 })).collect();
    add(Schema::DEFAULT, "group", &group);
    add("people", "id", &y);
    add("people", "income", &y);
    data
}

fn limits() -> Limits {
    Limits { minimum: 4, ..Limits::none() }
}

fn traced(define: impl Fn(&Program)) -> Plan {
    let program = Program::new("attack", schema());
    define(&program);
    program.finish().unwrap()
}

fn column(p: &Program, name: &str) -> Column {
    p.column(Schema::DEFAULT, name)
}

/// What the attacker gets, from both engines, which must agree.
fn attack(define: impl Fn(&Program)) -> ResultTable {
    let checked = check(&traced(define), &schema(), &limits()).unwrap();
    let clear = simulate(&checked, data([1, 1])).unwrap();
    assert_eq!(clear, run_shared(&checked, &schema(), &data([1, 1])));
    clear
}

fn refused(plan: &Plan) -> Code {
    check(plan, &schema(), &limits()).unwrap_err().code
}

fn withheld(table: &ResultTable, name: &str) -> Option<Reason> {
    table.get(&[name]).unwrap().withheld
}

#[test]
fn the_one_value_above_a_bound_is_not_told_by_a_sum() {
    let table = attack(|p| {
        let x = column(p, "x");
        let bound = x.constant(&p.constant(1000));
        // Twelve times the bound, and what the one value is above it.
        p.output(["capped"], &x.less(&bound).choose(&bound, &x).sum());
        p.output(["distance"], &(&x - &p.constant(1000)).abs().sum());
        let sorted = x.less(&bound).choose(&bound, &x).sorted();
        p.output(["distinct"], &sorted.equals(&sorted.previous()).sum());
        p.output(["squares"], &x.less(&bound).choose(&bound, &x).variance(false));
        // Where both sides are large enough, an absolute value is as good as any mask.
        p.output(["fair"], &(&column(p, "y") - 6).abs().sum());
    });
    for name in ["capped", "distance", "distinct", "squares"] {
        assert_eq!(withheld(&table, name), Some(Reason::TooFew), "{name}");
    }
    assert_eq!(withheld(&table, "fair"), None);
}

#[test]
fn what_few_hold_is_not_told_by_two_points_of_a_lorenz_curve() {
    // A share is a quotient, which the two engines round differently: so only what is withheld is compared.
    let told = |points: u32| {
        let plan = traced(|p| column(p, "y").lorenz(points).output(p, "curve"));
        let checked = check(&plan, &schema(), &limits()).unwrap();
        let clear = simulate(&checked, data([1, 1])).unwrap();
        let shared = run_shared(&checked, &schema(), &data([1, 1]));
        let told = |table: ResultTable| table.rows.iter().filter(|row| row.withheld.is_none()).count();
        [told(clear), told(shared)]
    };
    // The poorest 4, 6, 7 and 8 of twelve would be enough people each, but one more or less is a single one.
    assert_eq!(told(10), [0, 0]);
    assert_eq!(told(3), [2, 2], "three steps of four");
}

#[test]
fn order_statistics_of_distances_need_no_mask() {
    let table = attack(|p| p.output(["deviation"], &column(p, "x").median_absolute_deviation()));
    assert_eq!(withheld(&table, "deviation"), None);
}

#[test]
fn a_column_of_a_few_bits_is_refused() {
    assert_eq!(refused(&traced(|p| p.output(["count"], &column(p, "x").coarsen(19).sum()))), Code::Forbidden);
    let bits = traced(|p| p.output(["sum"], &column(p, "x").coarsen(1).sum()));
    let endless = Plan::from_json(&bits.to_json().replace(r#""bits":1,"#, r#""bits":200,"#)).unwrap();
    assert_eq!(check(&endless, &schema(), &Limits::none()).unwrap_err().code, Code::Type);
}

#[test]
fn who_lacks_another_value_is_not_told_by_a_difference() {
    let table = attack(|p| {
        let (y, gap, full) = (column(p, "y"), column(p, "gap"), column(p, "full"));
        p.output(["all"], &y.sum());
        p.output(["but one"], &y.where_present(&gap).sum());
        p.output(["everybody"], &y.where_present(&full).sum());
        linear_regression(&gap, &y).output(p, "line");
        p.output(["mean"], &gap.mean());
    });
    assert_eq!(withheld(&table, "but one"), Some(Reason::TooFew));
    assert_eq!(table.get(&["line", "mean_y"]).unwrap().withheld, Some(Reason::TooFew));
    for name in ["all", "everybody", "mean"] {
        assert_eq!(withheld(&table, name), None, "{name}");
    }
}

#[test]
fn joins_look_nobody_up() {
    let income =
        |p: &Program, key: &Column| key.lookup(&p.column("people", "id"), &p.column("people", "income"));
    let computed = traced(|p| {
        let key = column(p, "y").constant(&p.constant(7));
        p.output(["seven times twelve"], &income(p, &key).sum());
    });
    assert_eq!(refused(&computed), Code::Forbidden);
    // Without the mask that the builder puts around a join, a row without a partner is 0.
    let unmasked = r#"{"name":"join","version":1,"nodes":[
        {"op":"column","table":"survey","name":"x"},
        {"op":"column","table":"people","name":"id"},
        {"op":"column","table":"people","name":"income"},
        {"op":"lookup","key":0,"among":1,"take":2},
        {"op":"sum","of":3}],
        "outputs":[{"path":["total"],"node":4}],"schema":SCHEMA}"#;
    let mut schema = schema();
    schema.tables.get_mut("survey").unwrap().columns.retain(|name, _| name == "x");
    let unmasked = unmasked.replace("SCHEMA", &serde_json::to_string(&schema).unwrap());
    let plan = Plan::from_json(&unmasked).unwrap();
    let checked = check(&plan, &self::schema(), &Limits { minimum: 12, ..Limits::none() }).unwrap();
    assert_eq!(withheld(&simulate(&checked, data([1, 1])).unwrap(), "total"), Some(Reason::TooFew));
}

#[test]
fn nothing_but_its_size_is_tested_of_a_small_group() {
    // Group c has two rows: whether their values are the same must not show, not even in what is tested.
    let plan = traced(|p| {
        let (x, group) = (column(p, "x"), column(p, "group"));
        group_by(&x, &group, |rows| rows.variance(false)).output(p, "variance");
        group_by(&x, &group, |rows| rows.correlation(&column(p, "y"))).output(p, "r");
    });
    let checked = check(&plan, &schema(), &limits()).unwrap();
    let tests = |pair| run(&checked, &mut Clear::new(schema(), data(pair))).unwrap().tests;
    assert_eq!(tests([8, 8]), tests([8, 9]));
    assert!(tests([8, 9]).contains(&true));
}

#[test]
fn what_a_withheld_number_divides_is_withheld_too() {
    let checked = check(
        &traced(|p| {
            let (x, y) = (column(p, "x"), column(p, "y"));
            let few = y.less_scalar(&p.constant(3)).sum();
            p.output(["few"], &few);
            p.output(["ratio"], &(x.sum() / &few));
        }),
        &schema(),
        &limits(),
    )
    .unwrap();
    let outcome = run(&checked, &mut Clear::new(schema(), data([1, 1]))).unwrap();
    assert!(outcome.values.is_empty(), "the sum behind the ratio is no result");
}

#[test]
fn a_product_with_zero_tells_nothing_of_the_other_factor() {
    let checked = check(
        &traced(|p| p.output(["nothing"], &(column(p, "x").sum() * p.constant(0)))),
        &schema(),
        &Limits::none(),
    )
    .unwrap();
    let outcome = run(&checked, &mut Clear::new(schema(), data([1, 1]))).unwrap();
    assert!(outcome.values.iter().all(|value| *value == stats::Number::integer(0)), "{:?}", outcome.values);
    let shared = run_shared(&checked, &schema(), &data([1, 1]));
    assert_eq!(simulate(&checked, data([1, 1])).unwrap(), shared);
    assert_eq!(shared.get(&["nothing"]).unwrap().value, Some(0.0));
}

#[test]
fn a_column_that_a_withheld_number_would_make_is_withheld() {
    // Which positions lie below the number of those present follows from that number, and so does how many they are.
    let table = attack(|p| {
        let few = column(p, "y").less_scalar(&p.constant(3)).sum();
        p.output(["few"], &few);
        p.output(["positions"], &column(p, "y").sorted().index().less_scalar(&few).sum());
    });
    for name in ["few", "positions"] {
        assert_eq!(withheld(&table, name), Some(Reason::TooFew), "{name}");
    }
}
