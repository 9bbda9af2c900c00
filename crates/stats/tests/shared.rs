#![allow(missing_docs, reason = "a test is named, not documented")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it must not")]
#![allow(dead_code, reason = "each test file uses a part of what they share")]
//! Plans by three parties give what they give in the clear.

mod common;

use common::*;
use stats::build::{Column, Program};
use stats::check::Reason;
use stats::library::*;
use stats::{Limits, explain, simulate};

#[test]
fn the_demo_by_three_parties() {
    let table = run_both(|p| {
        let x = p.column("survey", "x");
        p.output(["count"], &x.count());
        p.output(["sum"], &x.sum());
        p.output(["mean"], &x.mean());
        p.output(["median"], &x.median());
        p.output(["max"], &x.max());
        p.output(["gini"], &x.gini());
    });
    assert_close(&table, "sum", 40.0);
    assert_close(&table, "gini", 0.2125);
}

#[test]
fn moments_by_three_parties() {
    run_both(|p| {
        let (x, y, gap) = (p.column("survey", "x"), p.column("survey", "y"), p.column("survey", "gap"));
        p.output(["variance"], &x.variance(false));
        p.output(["deviation"], &y.standard_deviation(true));
        p.output(["covariance"], &x.covariance(&y, false));
        p.output(["share"], &p.column("survey", "side").proportion());
        p.output(["gap count"], &gap.count());
        p.output(["gap mean"], &gap.mean());
        p.output(["gap variance"], &gap.variance(true));
        x.shape().output(p, "shape");
        linear_regression(&x, &y).output(p, "line");
    });
}

#[test]
fn order_by_three_parties() {
    run_both(|p| {
        let (x, gap) = (p.column("survey", "x"), p.column("survey", "gap"));
        p.output(["p30"], &x.quantile(3, 10));
        p.output(["mad"], &x.median_absolute_deviation());
        p.output(["trimmed"], &x.trimmed_mean(1, 8));
        p.output(["gap median"], &gap.median());
        p.output(["gap max"], &gap.max());
        p.output(["gap min"], &gap.min());
        p.output(["gap count"], &gap.count());
        p.output(["gap sum"], &gap.sum());
        p.output(["gap gini"], &gap.gini());
        p.output(["x sum"], &x.sum());
        x.lorenz(4).output(p, "lorenz");
        x.five_numbers().output(p, "five");
    });
}

#[test]
fn tables_and_tests_by_three_parties() {
    let table = run_both(|p| {
        let column = |name: &str| p.column("survey", name);
        let (x, y, group, side) = (column("x"), column("y"), column("group"), column("side"));
        let edges = [0, 4, 5, 9].map(|edge| (edge.to_string(), p.constant(edge)));
        histogram(&x, &edges).output(p, "histogram");
        group_by(&x, &group, Column::mean).output(p, "mean");
        group_by(&x, &group, Column::count).output(p, "count");
        group_by(&x, &group, Column::median).output(p, "median");
        chi_squared_test(&group, &side).output(p, "chi2");
        welch_t_test(&x.filter(&side), &y.filter(&!&side)).output(p, "welch");
        paired_t_test(&x, &y).output(p, "paired");
        anova(&x, &group).output(p, "anova");
    });
    assert_close(&table, "anova.pvalue", 0.011_340_230_290_662_855);
}

#[test]
fn small_groups_are_withheld() {
    let limits = Limits { minimum: 3, ..Limits::none() };
    let checked = checked(&schema(), &limits, |p| {
        let (x, group) = (p.column("survey", "x"), p.column("survey", "group"));
        group_by(&x, &group, Column::sum).output(p, "sum");
        p.output(["others"], &x.filter(&!&group.is("c")).sum());
        p.output(["all"], &x.sum());
    });
    let clear = simulate(&checked, data()).unwrap();
    let shared = run_shared(&checked, &schema(), &data());
    for table in [clear, shared] {
        // Group c has two rows, and so has what the others leave out: one of them hides it.
        assert_close(&table, "sum.b", 14.0);
        for path in [&["sum", "a"][..], &["sum", "c"], &["others"]] {
            assert_eq!(table.get(path).unwrap().withheld, Some(Reason::TooFew));
        }
        assert_close(&table, "all", 40.0);
    }
}

#[test]
fn quotients_and_roots_by_three_parties() {
    run_both(|p| {
        let column = |name: &str| p.column("survey", name);
        let (x, y, gap) = (column("x"), column("y"), column("gap"));
        p.output(["correlation"], &x.correlation(&y));
        p.output(["gini"], &x.gini());
        p.output(["mean of the present"], &gap.mean());
        p.output(["deviation of the present"], &gap.standard_deviation(false));
        p.output(["weighted"], &x.weighted_mean(&y));
        p.output(["weighted variance"], &x.weighted_variance(&y));
        p.output(["harmonic"], &x.harmonic_mean());
        p.output(["geometric"], &x.geometric_mean());
        p.output(["slope"], linear_regression(&x, &y).get("slope").unwrap());
        p.output(["undefined"], &(x.sum() / (y.sum() - 38)));
    });
}

#[test]
fn ranks_and_modes_by_three_parties() {
    let table = run_both(|p| {
        let column = |name: &str| p.column("survey", name);
        let (x, y, side) = (column("x"), column("y"), column("side"));
        p.output(["mode"], &x.mode());
        p.output(["rho"], &x.rank_correlation(&y));
        mann_whitney(&x, &side).output(p, "u");
    });
    assert_close(&table, "mode", 4.0);
    assert_close(&table, "u.statistic", 9.5);
}

#[test]
fn long_sums_of_sums_are_computed_once() {
    let table = run_both(|p| {
        let mut x = p.column("survey", "x");
        for _ in 0..90 {
            x = &x + &x;
        }
        p.output(["sum"], &x.sum());
    });
    assert_close(&table, "sum", 40.0 * 90f64.exp2());
}

#[test]
fn ratios_of_long_numbers_by_three_parties() {
    type Statistic = fn(&Column) -> stats::build::Scalar;
    let skewness: Statistic = Column::skewness;
    for (name, statistic, expected) in
        [("skewness", skewness, 0.656_25), ("kurtosis", Column::kurtosis, -0.218_75)]
    {
        // Alone: what they are quotients of has more bits than the field, and is nobody's to see.
        let table = run_both(|p| p.output([name], &statistic(&p.column("survey", "x"))));
        assert_close(&table, name, expected);
        let table = run_both(|p| p.output([name], &statistic(&p.column("survey", "gap"))));
        // Of 2, 4, 8 and 6: they lie evenly about their mean.
        assert_close(&table, name, if name == "skewness" { 0.0 } else { -1.36 });
    }
}

#[test]
fn an_interval_for_the_median_of_those_present() {
    let confidence = "0.5".parse().unwrap();
    let table = run_both(|p| {
        median_interval(&p.column("survey", "gap"), &confidence).output(p, "gap");
        median_interval(&p.column("survey", "x").filter(&p.column("survey", "side")), &confidence)
            .output(p, "side");
        median_interval(&p.column("survey", "x"), &confidence).output(p, "all");
    });
    for (name, expected) in [
        ("gap.n", 4.0),
        // (4 - 0.674 * 2) / 2 = 1.3: ranks 1 and 2 of 2, 4, 6, 8.
        ("gap.low", 4.0),
        ("gap.high", 6.0),
        ("gap.median", 5.0),
        // Ranks 1 and 2 of 4, 4, 5, 9.
        ("side.low", 4.0),
        ("side.high", 5.0),
        // (8 - 0.674 * 2.83) / 2 = 3.05: ranks 3 and 4.
        ("all.low", 4.0),
        ("all.high", 5.0),
    ] {
        assert_close(&table, name, expected);
    }
}

#[test]
fn the_most_common_label_by_three_parties() {
    let table = run_both(|p| {
        let (group, side) = (p.column("survey", "group"), p.column("survey", "side"));
        p.output(["all"], &group.mode());
        p.output(["some"], &group.filter(&side).mode());
        p.output(["none"], &group.filter(&(&side & &!&side)).mode());
    });
    // a and b three times each: the first of them. Where `side` holds, b twice, the others once.
    for (name, label) in [("all", Some("a")), ("some", Some("b")), ("none", None)] {
        assert_eq!(table.get(&[name]).unwrap().label.as_deref(), label, "{name}");
    }
    assert_eq!(table.get(&["none"]).unwrap().withheld, Some(Reason::Undefined));
    assert!(table.to_string().starts_with("all   a\n"), "{table}");
}

#[test]
fn a_condition_of_too_few_rows_withholds_their_most_common_label() {
    let limits = Limits { minimum: 5, ..Limits::none() };
    let checked = checked(&schema(), &limits, |p| {
        let (group, side) = (p.column("survey", "group"), p.column("survey", "side"));
        p.output(["some"], &group.filter(&side).mode());
        p.output(["all"], &group.mode());
    });
    for table in [simulate(&checked, data()).unwrap(), run_shared(&checked, &schema(), &data())] {
        assert_eq!(table.get(&["some"]).unwrap().withheld, Some(Reason::TooFew));
        assert_eq!(table.get(&["all"]).unwrap().label.as_deref(), Some("a"));
    }
}

#[test]
fn explained_rounds_are_about_those_that_a_run_takes() {
    type Define = fn(&Program);
    let programs: [(&str, Define); 6] = [
        ("groups", |p| {
            let (x, group) = (p.column("survey", "x"), p.column("survey", "group"));
            group_by(&x, &group, Column::sum).output(p, "sum");
        }),
        ("table", |p| {
            let (group, side) = (p.column("survey", "group"), p.column("survey", "side"));
            two_way_table(&group, &side).output(p, "cell");
        }),
        ("median", |p| p.output(["median"], &p.column("survey", "x").median())),
        ("gini", |p| p.output(["gini"], &p.column("survey", "x").gini())),
        ("variance", |p| p.output(["variance"], &p.column("survey", "gap").variance(false))),
        ("correlation", |p| {
            let (x, y) = (p.column("survey", "x"), p.column("survey", "y"));
            p.output(["r"], &x.correlation(&y));
        }),
    ];
    for (name, program) in programs {
        let checked = checked(&schema(), &Limits { minimum: 2, ..Limits::none() }, program);
        let (_, rounds) = run_counted(&checked, &schema(), &data());
        let explained = explain(&checked, Some(8)).cost.rounds;
        let ratio = explained / rounds as f64;
        assert!((1.0 / 3.0..3.0).contains(&ratio), "{name}: {explained:.0} rounds explained, {rounds} taken");
    }
}
