#![allow(missing_docs, reason = "a test is named, not documented")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it must not")]
#![allow(dead_code, reason = "each test file uses a part of what they share")]
//! Plans by three parties give what they give in the clear.

mod common;

use common::*;
use stats::build::Column;
use stats::check::Reason;
use stats::library::*;
use stats::{Limits, simulate};

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
        assert_close(&table, "sum.a", 10.0);
        // Group c has two rows, and so has what the others leave out.
        for path in [&["sum", "c"][..], &["others"]] {
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
