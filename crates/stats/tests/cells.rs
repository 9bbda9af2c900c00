#![allow(missing_docs, reason = "a test is named, not documented")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it must not")]
#![allow(dead_code, reason = "each test file uses a part of what they share")]
//! Tables of cells, and an attacker who takes the published ones off their whole.
//!
//! A failure prints its seed; `CELLS_SEED=<seed> cargo test -p stats --test cells` runs that one again.

mod common;

use algebra::Prg;
use common::run_shared;
use stats::build::{Column, Program};
use stats::check::Reason;
use stats::library::{group_by, group_by_frequent, histogram, two_way_table};
use stats::run::clear::{Clear, Dataset};
use stats::run::run;
use stats::{Checked, Code, ColumnType, Limits, ResultTable, Schema, Table, check, simulate};
use std::collections::BTreeMap;

const MINIMUM: i128 = 4;
const TEAMS: [&str; 4] = ["red", "green", "blue", "white"];
const SIZES: [&str; 3] = ["small", "middle", "large"];

fn schema() -> Schema {
    let columns = [
        ("x", ColumnType::integer(0, 1000)),
        ("gap", ColumnType::integer(0, 1000).nullable()),
        ("team", ColumnType::category(TEAMS)),
        ("size", ColumnType::category(SIZES)),
    ];
    Schema::single(Table::new(columns.map(|(name, column)| (name.to_owned(), column))))
}

/// One row a provider: `x`, `gap`, `team` and `size`.
type Row = (i128, Option<i128>, i128, i128);

fn dataset(rows: &[Row]) -> Dataset {
    let mut data = Dataset::default();
    let mut add = |name: &str, values: Vec<Option<i128>>| {
        let of = &schema().tables[Schema::DEFAULT].columns[name];
        data.insert(Schema::DEFAULT, name, of, &values).unwrap();
    };
    add("x", rows.iter().map(|row| Some(row.0)).collect());
    add("gap", rows.iter().map(|row| row.1).collect());
    add("team", rows.iter().map(|row| Some(row.2)).collect());
    add("size", rows.iter().map(|row| Some(row.3)).collect());
    data
}

fn column(p: &Program, name: &str) -> Column {
    p.column(Schema::DEFAULT, name)
}

fn checked(define: impl Fn(&Program)) -> Checked {
    let program = Program::new("cells", schema());
    define(&program);
    let limits = Limits { minimum: MINIMUM as u32, ..Limits::none() };
    check(&program.finish().unwrap(), &schema(), &limits).unwrap()
}

/// So many providers in each team; of a team's, `x` counts up from a hundred times its number.
fn teams(sizes: &[usize]) -> Vec<Row> {
    let of = |(team, size): (usize, &usize)| {
        let row = move |place: usize| (100 * team + place, team, place % 3);
        (0..*size)
            .map(row)
            .map(|(x, team, size)| (x as i128, Some(x as i128), team as i128, size as i128))
            .collect()
    };
    sizes.iter().enumerate().flat_map(|cell| -> Vec<Row> { of(cell) }).collect()
}

/// The published numbers under `name`, none where withheld for too few.
fn told(table: &ResultTable, name: &[&str]) -> Vec<Option<i128>> {
    let rows = table
        .rows
        .iter()
        .filter(|row| row.path.len() > name.len() && row.path.iter().zip(name).all(|(a, b)| a == b));
    let number = |row: &stats::ResultRow| {
        assert!(matches!(row.withheld, None | Some(Reason::TooFew)), "{row:?}");
        row.value.map(|value| value as i128)
    };
    rows.map(number).collect()
}

fn both(checked: &Checked, rows: &[Row]) -> ResultTable {
    let clear = simulate(checked, dataset(rows)).unwrap();
    assert_eq!(clear, run_shared(checked, &schema(), &dataset(rows)));
    clear
}

fn by_team(p: &Program) {
    let (x, team) = (column(p, "x"), column(p, "team"));
    group_by(&x, &team, Column::count).output(p, "count");
    group_by(&x, &team, Column::sum).output(p, "sum");
}

#[test]
fn the_one_group_that_is_too_small_is_not_what_the_others_leave() {
    let table = both(&checked(by_team), &teams(&[3, 6, 5, 7]));
    // Blue is the smallest that could be told: it hides red, in each of its results.
    assert_eq!(told(&table, &["count"]), [None, Some(6), None, Some(7)]);
    assert_eq!(told(&table, &["sum"])[0], None);
    assert_eq!(told(&table, &["sum"])[2], None);
    // Two that are too small hide each other if they are enough together.
    assert_eq!(
        told(&both(&checked(by_team), &teams(&[3, 6, 2, 7])), &["count"]),
        [None, Some(6), None, Some(7)]
    );
    assert_eq!(
        told(&both(&checked(by_team), &teams(&[1, 6, 2, 7])), &["count"]),
        [None, None, None, Some(7)]
    );
    assert_eq!(told(&both(&checked(by_team), &teams(&[4, 6, 5, 7])), &["count"]), [4, 6, 5, 7].map(Some));
    // That nobody is in a team is told by the others, too.
    assert_eq!(
        told(&both(&checked(by_team), &teams(&[0, 6, 5, 7])), &["count"]),
        [None, Some(6), None, Some(7)]
    );
}

#[test]
fn which_of_the_withheld_cells_is_small_does_not_show() {
    let tests = |sizes: &[usize]| {
        run(&checked(by_team), &mut Clear::new(schema(), dataset(&teams(sizes)))).unwrap().tests
    };
    assert_eq!(tests(&[3, 6, 5, 7]), tests(&[5, 6, 3, 7]));
    assert_eq!(tests(&[3, 6, 5, 7]), tests(&[3, 6, 3, 9]));
    assert_ne!(tests(&[3, 6, 5, 7]), tests(&[5, 6, 5, 5]));
}

#[test]
fn few_beyond_the_edges_of_a_histogram_are_not_what_its_bins_leave() {
    let bins = |most: i64| {
        checked(move |p| {
            let edges = [0, 100, 200, most].map(|edge| (edge.to_string(), p.constant(edge)));
            histogram(&column(p, "x"), &edges).output(p, "x");
        })
    };
    let rows = teams(&[5, 6, 7, 2]);
    assert_eq!(told(&both(&bins(1000), &rows), &["x"]), [5, 6, 9].map(Some));
    assert_eq!(told(&both(&bins(299), &rows), &["x"]), [None, Some(6), Some(7)]);
    assert_eq!(told(&both(&bins(299), &teams(&[5, 6, 7, 4])), &["x"]), [5, 6, 7].map(Some));
}

#[test]
fn thresholds_that_differ_by_few_are_not_both_told() {
    let table = both(
        &checked(|p| {
            let x = column(p, "x");
            for above in [0, 1, 3, 5, 100, 103] {
                p.output(["from", &above.to_string()], &(!&x.less_scalar(&p.constant(above))).sum());
            }
            let green = column(p, "team").is("green");
            p.output(["green", "all"], &green.sum());
            p.output(["green", "high"], &(&green & &x.more_scalar(&p.constant(101))).sum());
        }),
        &teams(&[8, 6, 5, 0]),
    );
    // From 0 is everybody, from 1 leaves out one, from 3 three; from 100 would differ from 5 by three.
    assert_eq!(told(&table, &["from"]), [None, None, None, Some(14), None, Some(8)]);
    // Two of the green ones are left out by the second condition.
    assert_eq!(told(&table, &["green"]), [Some(6), None]);
}

#[test]
fn groups_that_nobody_listed_hide_each_other_as_well() {
    let checked = checked(|p| {
        let x = column(p, "x");
        group_by_frequent(&x, &x, 3, Column::sum).output(p, "x");
    });
    let rows = |sizes: &[i128]| -> Vec<Row> {
        let same = |(value, size): (usize, &i128)| (0..*size).map(move |_| (value as i128, None, 0, 0));
        sizes.iter().enumerate().flat_map(same).collect()
    };
    let count = |sizes: &[i128]| {
        let table = both(&checked, &rows(sizes));
        ["1", "2", "3"]
            .map(|place| table.get(&["x", place, "count"]).unwrap().value.map(|count| count as i128))
    };
    assert_eq!(count(&[5, 7, 6]), [7, 6, 5].map(Some));
    assert_eq!(count(&[5, 7, 6, 1, 1, 1, 1]), [7, 6, 5].map(Some));
    assert_eq!(count(&[5, 7, 6, 1]), [Some(7), Some(6), None]);
    assert_eq!(count(&[3, 7, 6, 1]), [Some(7), Some(6), None]);
    assert_eq!(count(&[2, 7, 6, 1]), [Some(7), None, None]);
}

#[test]
fn missing_values_are_no_cell() {
    let checked = checked(|p| group_by(&column(p, "gap"), &column(p, "team"), Column::sum).output(p, "sum"));
    let told =
        |rows: &[Row]| told(&both(&checked, rows), &["sum"]).iter().map(Option::is_some).collect::<Vec<_>>();
    let mut rows = teams(&[5, 6, 6, 7]);
    rows[6].1 = None;
    assert_eq!(told(&rows), [true; 4]);
    rows[0].1 = None;
    rows[1].1 = None;
    assert_eq!(told(&rows), [false, false, true, true]);
}

/// A table with the totals of its rows and columns.
fn with_margins(p: &Program) {
    let (x, team, size) = (column(p, "x"), column(p, "team"), column(p, "size"));
    two_way_table(&team, &size).output(p, "cell");
    group_by(&x, &team, Column::count).output(p, "team");
    group_by(&x, &size, Column::count).output(p, "size");
}

/// What the attacker works out: for each row, column and the whole, those who are in no published cell of it.
fn worked_out(table: &ResultTable, rows: i128) -> BTreeMap<String, (i128, bool)> {
    let cell =
        |team: &str, size: &str| table.get(&["cell", team, size]).unwrap().value.map(|value| value as i128);
    let left = |whole: i128, cells: &[Option<i128>]| {
        (whole - cells.iter().flatten().sum::<i128>(), cells.iter().all(Option::is_some))
    };
    let mut found = BTreeMap::new();
    // The totals, from the table or as what their own cells add up to.
    let totals =
        |name: &str, labels: &[&str], cells: &dyn Fn(&str) -> Vec<Option<i128>>| -> Vec<Option<i128>> {
            let sum = |cells: Vec<Option<i128>>| cells.into_iter().sum::<Option<i128>>();
            labels
                .iter()
                .map(|label| {
                    table
                        .get(&[name, label])
                        .unwrap()
                        .value
                        .map(|value| value as i128)
                        .or_else(|| sum(cells(label)))
                })
                .collect()
        };
    let of_team = |team: &str| SIZES.map(|size| cell(team, size)).to_vec();
    let of_size = |size: &str| TEAMS.map(|team| cell(team, size)).to_vec();
    for (name, labels, cells) in
        [("team", &TEAMS[..], &of_team as &dyn Fn(&str) -> _), ("size", &SIZES[..], &of_size)]
    {
        let totals = totals(name, labels, cells);
        for (label, total) in labels.iter().zip(&totals) {
            if let Some(total) = total {
                found.insert(format!("{name} {label}"), left(*total, &cells(label)));
            }
        }
        found.insert(format!("all by {name}"), left(rows, &totals));
    }
    let all: Vec<_> = TEAMS.iter().flat_map(|team| of_team(team)).collect();
    found.insert("all by cell".to_owned(), left(rows, &all));
    found
}

#[test]
fn no_table_tells_of_few_by_what_its_cells_leave() {
    let seed = std::env::var("CELLS_SEED").ok().map(|seed| seed.parse().unwrap());
    let checked = checked(with_margins);
    let seeds = seed.map_or(0..400u64, |seed| seed..seed + 1);
    let (mut published, mut withheld) = (0, 0);
    for seed in seeds {
        let mut random = Prg::new(&u128::from(seed).to_le_bytes());
        let mut below = |n: u64| i128::try_from(random.block() % u128::from(n)).unwrap();
        let rows = 20 + below(60);
        let few = below(4) + 1;
        // Some teams and sizes are rare.
        let skewed = |one: i128, other: i128| if one >= few { one } else { other };
        let data: Vec<Row> = (0..rows)
            .map(|_| (below(1000), None, below(4).min(below(5)), skewed(below(3), below(3))))
            .collect();
        let table = simulate(&checked, dataset(&data)).unwrap();
        let all = [told(&table, &["cell"]), told(&table, &["team"]), told(&table, &["size"])].concat();
        for cell in &all {
            assert!(cell.is_none_or(|count| count >= MINIMUM), "seed {seed}: {all:?}");
        }
        for (what, (left, complete)) in worked_out(&table, rows) {
            assert!(
                left >= MINIMUM || (left == 0 && complete),
                "seed {seed}: {what} tells of {left}\n{table}"
            );
        }
        published += all.iter().flatten().count();
        withheld += all.iter().filter(|cell| cell.is_none()).count();
    }
    assert!(
        seed.is_some() || (published > 1000 && withheld > 1000),
        "{published} published, {withheld} withheld"
    );
}

#[test]
fn a_table_with_margins_by_three_parties() {
    let mut rows = teams(&[9, 12, 3, 15]);
    rows.extend(teams(&[9, 12, 0, 15]));
    let table = both(&checked(with_margins), &rows);
    assert_eq!(told(&table, &["team"]).iter().filter(|cell| cell.is_none()).count(), 2);
}

#[test]
fn tests_of_too_many_cells_are_refused() {
    let thresholds = |most: i64| {
        let program = Program::new("cells", schema());
        for above in 1..most {
            let count = (!&column(&program, "x").less_scalar(&program.constant(above))).sum();
            program.output(["from", &above.to_string()], &count);
        }
        check(&program.finish().unwrap(), &schema(), &Limits::default()).map(|_| ())
    };
    assert_eq!(thresholds(100), Ok(()));
    assert_eq!(thresholds(900).unwrap_err().code, Code::TooLarge);
}
