//! One small survey, run in the clear and by three parties.

use algebra::Prg;
use net::world::World;
use rep3::open;
use stats::build::Program;
use stats::run::clear;
use stats::{
    Checked, ColumnType, Dataset, Limits, Outcome, Plan, ResultTable, RunError, Schema, Table, check,
    decode_elements, execute, simulate,
};

pub const X: [i128; 8] = [2, 4, 4, 4, 5, 5, 7, 9];
pub const Y: [i128; 8] = [1, 3, 2, 5, 4, 8, 6, 9];
pub const GROUP: [i128; 8] = [0, 0, 0, 1, 1, 1, 2, 2];
pub const SIDE: [i128; 8] = [0, 1, 0, 1, 0, 1, 0, 1];

/// The columns `x`, `y`, `gap` (the even ones of `y`), `group` and `side`.
pub fn schema() -> Schema {
    let columns = [
        ("x", ColumnType::integer(1, 1000).unit("ETH")),
        ("y", ColumnType::integer(0, 1000)),
        ("gap", ColumnType::integer(-10, 10).nullable()),
        ("group", ColumnType::category(["a", "b", "c"])),
        ("side", ColumnType::boolean()),
    ];
    Schema::single(Table::new(columns.map(|(name, column)| (name.to_owned(), column))))
}

pub fn data() -> clear::Dataset {
    let gap: Vec<_> = Y.iter().map(|y| (y % 2 == 0).then_some(*y)).collect();
    let mut data = clear::Dataset::default();
    for (name, values) in [("x", X), ("y", Y), ("group", GROUP), ("side", SIDE)] {
        let of = &schema().tables[Schema::DEFAULT].columns[name];
        data.insert(Schema::DEFAULT, name, of, &values.map(Some)).unwrap();
    }
    let of = &schema().tables[Schema::DEFAULT].columns["gap"];
    data.insert(Schema::DEFAULT, "gap", of, &gap).unwrap();
    data
}

pub fn trace(schema: &Schema, define: impl Fn(&Program)) -> Plan {
    let program = Program::new("test", schema.clone());
    define(&program);
    program.finish().expect("a plan")
}

pub fn checked(schema: &Schema, limits: &Limits, define: impl Fn(&Program)) -> Checked {
    check(&trace(schema, define), schema, limits).expect("a checked plan")
}

/// Runs a plan by three parties in this process.
pub fn run_shared(checked: &Checked, schema: &Schema, data: &clear::Dataset) -> ResultTable {
    run_counted(checked, schema, data).0
}

/// The same, with the rounds that it took.
pub fn run_counted(checked: &Checked, schema: &Schema, data: &clear::Dataset) -> (ResultTable, u64) {
    let parties = Dataset::deal(schema, data, &mut Prg::new(&[1; 16]));
    let outcomes = World::new(7).run(|session| {
        let mine = &parties[session.party().index()];
        let outcome = match execute(checked, mine, session) {
            Ok(outcome) => outcome,
            Err(RunError::Abort(abort)) => return Err(abort),
            Err(RunError::Plan(error)) => panic!("{error}"),
        };
        let values = open(&outcome.values, session)?;
        let rounds = session.traffic().rounds;
        Ok((Outcome { rows: outcome.rows, tests: outcome.tests, values }, rounds))
    });
    let [a, b, c] = outcomes.map(|outcome| outcome.expect("honest parties do not abort"));
    assert_eq!((&a.0, &b.0), (&b.0, &c.0));
    println!("{} rounds", a.1);
    (decode_elements(checked, &a.0).expect("a result"), a.1)
}

/// Runs a program in the clear and by three parties, which must agree, and returns the result.
pub fn run_both(define: impl Fn(&Program)) -> ResultTable {
    let checked = checked(&schema(), &Limits::none(), define);
    let clear = simulate(&checked, data()).expect("a result");
    let shared = run_shared(&checked, &schema(), &data());
    for (clear, shared) in clear.rows.iter().zip(&shared.rows) {
        assert_eq!(clear.path, shared.path);
        assert_eq!(clear.withheld, shared.withheld, "{:?}", clear.path);
        let slack = clear.error + shared.error;
        let distance = clear.value.unwrap_or(0.0) - shared.value.unwrap_or(0.0);
        assert!(distance.abs() <= slack, "{:?}: {clear} in the clear, {shared} on shares", clear.path);
    }
    clear
}

pub fn assert_close(table: &ResultTable, path: &str, expected: f64) {
    let path: Vec<&str> = path.split('.').collect();
    let row = table.get(&path).unwrap_or_else(|| panic!("no {path:?} in\n{table}"));
    let value = row.value.unwrap_or_else(|| panic!("{path:?} is withheld"));
    let slack = row.error + expected.abs() * 1e-9;
    assert!((value - expected).abs() <= slack, "{path:?}: {value} is not {expected}");
}
