#![allow(missing_docs, reason = "a test is named, not documented")]
#![allow(clippy::unwrap_used, reason = "a test fails where it must not")]

use stats::build::Program;
use stats::check::{Checked, Reason};
use stats::run::clear::Dataset;
use stats::{Code, ColumnType, Leak, Limits, Plan, ResultTable, Schema, Table, check, simulate};

fn schema() -> Schema {
    Schema::single(Table::new([("balance".to_owned(), ColumnType::number(2, 0, 1_000_000_000).unit("ETH"))]))
}

fn inequality() -> Plan {
    let program = Program::new("inequality", schema());
    let eth = program.column(Schema::DEFAULT, "balance");
    program.output(["providers"], &eth.count());
    program.output(["mean"], &eth.mean());
    program.output(["median"], &eth.median());
    program.output(["max"], &eth.max());
    program.output(["gini"], &eth.gini());
    program.finish().unwrap()
}

fn checked(plan: &Plan) -> Checked {
    check(plan, &schema(), &Limits::none()).unwrap()
}

fn run(values: &[i128]) -> ResultTable {
    let mut data = Dataset::default();
    let values: Vec<_> = values.iter().copied().map(Some).collect();
    data.insert(Schema::DEFAULT, "balance", &schema().tables[Schema::DEFAULT].columns["balance"], &values)
        .unwrap();
    simulate(&checked(&inequality()), data).unwrap()
}

#[test]
fn the_demo_is_right() {
    let table = run(&[300, 100, 200, 400]);
    let text = |name: &str| table.get(&[name]).unwrap().to_string();
    assert_eq!(text("providers"), "4");
    assert_eq!(text("mean"), "2.5 ETH");
    assert_eq!(text("median"), "2.5 ETH");
    assert_eq!(text("max"), "4 ETH");
    assert_eq!(text("gini"), "0.25");
}

#[test]
fn hard_data_is_right() {
    let text = |values: &[i128], name: &str| run(values).get(&[name]).unwrap().to_string();
    assert_eq!(text(&[500], "gini"), "0");
    assert_eq!(text(&[500], "median"), "5 ETH");
    assert_eq!(text(&[7, 7, 7], "gini"), "0");
    assert_eq!(text(&[0, 0], "gini"), "withheld: undefined for this data");
    assert_eq!(text(&[0, 0, 0, 1_000_000_000], "gini"), "0.75");
    assert_eq!(run(&[0, 0]).get(&["gini"]).unwrap().withheld, Some(Reason::Undefined));
}

#[test]
fn only_what_the_results_tell_is_opened() {
    let plan = inequality();
    let opened: Vec<_> =
        checked(&plan).opened().map(|node| checked(&plan).plan().nodes[node.index()].name()).collect();
    // The sum, which the mean tells; the largest; the two in the middle added; and the weighted sum, which gini tells.
    assert_eq!(opened, ["sum", "add", "max", "dot"]);
}

#[test]
fn leaks_must_be_allowed() {
    let aggregates = Limits { minimum: 0, ..Limits::default() };
    let refused = check(&inequality(), &schema(), &aggregates).unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    let allowed = aggregates.allow(Leak::Extremes).allow(Leak::OrderStatistics);
    assert_eq!(check(&inequality(), &schema(), &allowed).unwrap().leaks().len(), 2);
}

#[test]
fn plans_that_grow_without_end_are_refused() {
    let program = Program::new("squares", schema());
    let mut total = program.column(Schema::DEFAULT, "balance").sum();
    for _ in 0..40 {
        total = total.square();
    }
    assert_eq!(program.take_error().unwrap().code, Code::Overflow);
}

#[test]
fn plans_of_another_kind_are_refused() {
    let json = inequality().to_json();
    for (from, to, code) in [
        ("\"version\":1", "\"version\":2", Code::Version),
        ("\"op\":\"max\"", "\"op\":\"row\"", Code::Malformed),
        ("\"of\":0,\"op\":\"max\"", "\"of\":90,\"op\":\"max\"", Code::Malformed),
        ("{\"name\"", "{\"other\":1,\"name\"", Code::Malformed),
    ] {
        let changed = json.replacen(from, to, 1);
        assert_eq!(Plan::from_json(&changed).map_err(|error| error.code), Err(code), "{from} in {json}");
    }
}
