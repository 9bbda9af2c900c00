#![allow(missing_docs, reason = "a test is named, not documented")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it must not")]
#![allow(dead_code, reason = "each test file uses a part of what they share")]
//! Every statistic once, on small data whose results are known from `statistics`, numpy, scipy and statsmodels
//! (python/tests compares them at large).

use stats::build::{Column, Program};
use stats::library::*;
use stats::plan::Decimal;
use stats::{Limits, ResultTable, simulate};

mod common;

use common::*;

fn run(define: impl Fn(&Program)) -> ResultTable {
    simulate(&checked(&schema(), &Limits::none(), define), data()).expect("a result")
}

#[test]
fn moments() {
    let table = run(|p| {
        let (x, y) = (p.column("survey", "x"), p.column("survey", "y"));
        p.output(["mean"], &x.mean());
        p.output(["sample"], &x.variance(false));
        p.output(["population"], &x.standard_deviation(true));
        p.output(["covariance"], &x.covariance(&y, false));
        p.output(["r"], &x.correlation(&y));
        p.output(["rho"], &x.rank_correlation(&y));
        p.output(["geometric"], &x.geometric_mean());
        p.output(["harmonic"], &x.harmonic_mean());
        p.output(["weighted"], &x.weighted_mean(&y));
        p.output(["weighted variance"], &x.weighted_variance(&y));
        p.output(["share"], &p.column("survey", "side").proportion());
        x.shape().output(p, "shape");
    });
    for (name, expected) in [
        ("mean", 5.0),
        ("sample", 32.0 / 7.0),
        ("population", 2.0),
        ("covariance", 5.0),
        ("r", 0.830_513_246_283_436_6),
        ("rho", 0.871_575_793_648_919_6),
        ("geometric", 4.603_215_596_046_736),
        ("harmonic", 4.201_750_729_470_613),
        ("weighted", 5.921_052_631_578_948),
        ("weighted variance", 4.072_714_681_440_443),
        ("share", 0.5),
        ("shape.skewness", 0.656_25),
        ("shape.kurtosis", -0.218_75),
    ] {
        assert_close(&table, name, expected);
    }
}

#[test]
fn order() {
    let table = run(|p| {
        let (x, gap) = (p.column("survey", "x"), p.column("survey", "gap"));
        p.output(["median"], &x.median());
        p.output(["p30"], &x.quantile(3, 10));
        p.output(["mode"], &x.mode());
        p.output(["mad"], &x.median_absolute_deviation());
        p.output(["trimmed"], &x.trimmed_mean(1, 8));
        p.output(["gap median"], &gap.median());
        p.output(["gap count"], &gap.count());
        p.output(["gap max"], &gap.max());
        p.output(["gap min"], &gap.min());
        p.output(["width"], &x.range_width());
        p.output(["gini"], &x.gini());
        p.output(["gap gini"], &gap.gini());
        x.lorenz(4).output(p, "lorenz");
        x.five_numbers().output(p, "five");
        let from = [("4".to_owned(), p.constant(4)), ("6".to_owned(), p.constant(6))];
        x.counts_from(&from).output(p, "from");
    });
    for (name, expected) in [
        ("median", 4.5),
        ("p30", 4.0),
        ("mode", 4.0),
        ("mad", 0.5),
        ("trimmed", 29.0 / 6.0),
        ("gap median", 5.0),
        ("gap count", 4.0),
        ("gap max", 8.0),
        ("gap min", 2.0),
        ("width", 7.0),
        ("gini", 0.2125),
        ("gap gini", 0.25),
        ("lorenz.1/4", 0.15),
        ("five.q1", 4.0),
        ("five.q3", 5.5),
        ("from.4", 7.0),
        ("from.6", 2.0),
    ] {
        assert_close(&table, name, expected);
    }
}

#[test]
fn tables_and_groups() {
    let table = run(|p| {
        let (x, group, side) =
            (p.column("survey", "x"), p.column("survey", "group"), p.column("survey", "side"));
        let edges = [0, 4, 5, 9].map(|edge| (edge.to_string(), p.constant(edge)));
        histogram(&x, &edges).output(p, "histogram");
        group_by(&x, &group, Column::mean).output(p, "mean");
        group_by(&x, &group, Column::median).output(p, "median");
        two_way_table(&group, &side).output(p, "cells");
        chi_squared_test(&group, &side).output(p, "chi2");
    });
    for (name, expected) in [
        ("histogram.[0, 4)", 1.0),
        ("histogram.[5, 9]", 4.0),
        ("mean.a", 10.0 / 3.0),
        ("mean.c", 8.0),
        ("median.b", 5.0),
        ("cells.a.false", 2.0),
        ("cells.b.true", 2.0),
        ("chi2.statistic", 0.666_666_666_666_666_6),
        ("chi2.pvalue", 0.716_531_310_573_789_2),
    ] {
        assert_close(&table, name, expected);
    }
}

#[test]
fn hypotheses() {
    let table = run(|p| {
        let column = |name: &str| p.column("survey", name);
        let (x, y, group, side) = (column("x"), column("y"), column("group"), column("side"));
        welch_t_test(&x, &y).output(p, "welch");
        paired_t_test(&x, &y).output(p, "paired");
        anova(&x, &group).output(p, "anova");
        mann_whitney(&x, &side).output(p, "u");
    });
    for (name, expected) in [
        ("welch.statistic", 0.2),
        ("welch.df", 13.058_110_495_218_372),
        ("paired.statistic", 0.447_213_595_499_957_9),
        ("paired.df", 7.0),
        ("anova.statistic", 12.5),
        ("u.statistic", 9.5),
        ("u.pvalue", 0.655_232_199_557_777_5),
        ("anova.pvalue", 0.011_340_230_290_662_855),
        ("welch.pvalue", 0.844_561_631_034_444_7),
    ] {
        assert_close(&table, name, expected);
    }
}

#[test]
fn regressions_and_intervals() {
    let confidence: Decimal = "0.95".parse().unwrap();
    let table = run(|p| {
        let column = |name: &str| p.column("survey", name);
        let (x, y, side) = (column("x"), column("y"), column("side"));
        linear_regression(&x, &y).output(p, "line");
        multiple_regression(&[("x".to_owned(), x.clone()), ("side".to_owned(), side.number())], &y)
            .output(p, "plane");
        mean_interval(&x, &confidence).output(p, "mean");
        difference_interval(&x, &y, &confidence).output(p, "difference");
        proportion_interval(&side, &confidence).output(p, "share");
        median_interval(&x, &confidence).output(p, "median");
    });
    for (name, expected) in [
        ("line.slope", 1.09375),
        ("line.intercept", -0.71875),
        ("line.r", 0.830_513_246_283_436_7),
        ("line.pvalue", 0.010_676_842_735_258_962),
        ("line.slope_error", 0.299_467_843_988_855_2),
        ("line.intercept_error", 1.612_683_694_317_229),
        ("plane.intercept.value", -1.1),
        ("plane.x.value", 29.0 / 30.0),
        ("plane.side.value", 61.0 / 30.0),
        ("plane.intercept.error", 1.323_379_512_208_547),
        ("plane.x.error", 0.251_219_249_085_556_9),
        ("plane.side.pvalue", 0.098_932_113_615_924_4),
        ("plane.r_squared", 0.829_429_429_429_429_5),
        ("mean.low", 3.212_512_081_763_79),
        ("difference.high", 2.949_239_719_387_567_2),
        ("share.proportion", 0.5),
        ("share.low", 0.215_216_062_213_877_5),
        ("share.high", 0.784_783_937_786_122_5),
        ("median.low", 4.0),
        ("median.high", 7.0),
    ] {
        assert_close(&table, name, expected);
    }
}
