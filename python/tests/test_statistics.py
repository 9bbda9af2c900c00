"""Every statistic against `statistics`, numpy, scipy, pandas and statsmodels, within the printed bounds."""

import math
import statistics

import mpcstats as ms
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
from sklearn.datasets import load_diabetes, load_iris, load_wine
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW


def real_data() -> dict[str, pd.DataFrame]:
    """Data sets that packages ship, with columns x and y (numbers), group (a label) and side (a truth)."""
    iris = load_iris(as_frame=True).frame
    wine = load_wine(as_frame=True).frame
    diabetes = load_diabetes(as_frame=True, scaled=False).frame
    fair = sm.datasets.fair.load_pandas().data.head(700)
    frames = {
        "iris": (iris.iloc[:, 0], iris.iloc[:, 2], iris["target"].map("class {}".format), iris.iloc[:, 3] > 1.2),
        "wine": (wine["alcohol"], wine["proline"], wine["target"].map("class {}".format), wine["hue"] > 1),
        "diabetes": (diabetes["bmi"], diabetes["target"], diabetes["sex"].map("sex {}".format), diabetes["age"] > 50),
        "fair": (fair["age"], fair["yrs_married"], fair["occupation"].map("job {}".format), fair["children"] > 0),
    }
    return {
        name: pd.DataFrame({"x": x, "y": y, "group": group, "side": side}) for name, (x, y, group, side) in frames.items()
    }


FRAMES = real_data()


def assert_within(result: ms.Value, expected: float, slack: float = 1e-9) -> None:
    assert abs(float(result) - expected) <= result.error + slack * max(1.0, abs(expected)), (result, expected)


def gini(x: np.ndarray) -> float:
    x, n = np.sort(x), len(x)
    return (2 * (np.arange(1, n + 1) * x).sum() - (n + 1) * x.sum()) / (n * x.sum())


@ms.program
def moments(t: ms.Table):
    return {
        "count": t.x.count(),
        "sum": t.x.sum(),
        "mean": t.x.mean(),
        "var": t.x.var(),
        "pstdev": ms.pstdev(t.x),
        "cov": t.x.cov(t.y),
        "r": t.x.corr(t.y),
        "rho": t.x.corr(t.y, method="spearman"),
        "gmean": ms.geometric_mean(t.x),
        "hmean": ms.harmonic_mean(t.x),
        "weighted": ms.weighted_mean(t.x, t.y),
        "weighted_variance": ms.weighted_variance(t.x, t.y),
        "share": t.side.mean(),
        "shape": ms.shape(t.x),
    }


@ms.program
def order(t: ms.Table):
    return {
        "median": t.x.median(),
        "mode": t.x.mode(),
        "min": t.x.min(),
        "max": t.x.max(),
        "q": t.x.quantile([0.05, 0.3, 0.75]),
        "trimmed": ms.trim_mean(t.x, 0.1),
        "mad": ms.median_abs_deviation(t.x),
        "gini": ms.gini(t.x),
        "lorenz": ms.lorenz(t.x, 4),
        "interval": ms.median_interval(t.x),
    }


@ms.program
def tests(t: ms.Table):
    return {
        "welch": ms.ttest_ind(t.x[t.side], t.x[~t.side]),
        "paired": ms.ttest_rel(t.x, t.y),
        "anova": ms.f_oneway(t.x, t.group),
        "u": ms.mannwhitneyu(t.x, t.side),
        "chi2": ms.chi2_contingency(t.group, t.side),
        "mean": ms.mean_interval(t.x, 0.9),
        "difference": ms.difference_interval(t.x[t.side], t.x[~t.side]),
        "share": ms.proportion_interval(t.side),
        "line": ms.linear_regression(t.x, t.y),
        "plane": ms.multiple_regression(t.y, {"x": t.x, "side": t.side}),
    }


@ms.program
def groups(t: ms.Table):
    g = t.groupby("group").x
    return {
        "count": g.count(),
        "sum": g.sum(),
        "mean": g.mean(),
        "var": g.var(),
        "min": g.min(),
        "max": g.max(),
        "median": g.median(),
        "cells": ms.crosstab(t.group, t.side),
        "histogram": ms.histogram(t.x, [0, 10, 12.5, 20, 60]),
    }


@pytest.mark.parametrize("name", FRAMES)
def test_moments(name: str) -> None:
    frame = FRAMES[name]
    x, y, r = frame.x.to_numpy(), frame.y.to_numpy(), moments.simulate(frame)
    assert_within(r["count"], len(x))
    assert_within(r.sum, math.fsum(x))
    assert_within(r.mean, statistics.fmean(x))
    assert_within(r.var, np.var(x, ddof=1))
    assert_within(r.pstdev, statistics.pstdev(x))
    assert_within(r.cov, np.cov(x, y)[0, 1])
    assert_within(r.r, np.corrcoef(x, y)[0, 1])
    assert_within(r.rho, scipy.stats.spearmanr(x, y).statistic)
    assert_within(r.gmean, scipy.stats.gmean(x))
    assert_within(r.hmean, scipy.stats.hmean(x))
    assert_within(r.weighted, np.average(x, weights=y))
    assert_within(r.weighted_variance, DescrStatsW(x, weights=y).var)
    assert_within(r.share, frame.side.mean())
    assert_within(r.shape.skewness, scipy.stats.skew(x))
    assert_within(r.shape.kurtosis, scipy.stats.kurtosis(x))


@pytest.mark.parametrize("name", FRAMES)
def test_order(name: str) -> None:
    frame = FRAMES[name]
    x, r = frame.x.to_numpy(), order.simulate(frame)
    assert_within(r.median, statistics.median(x))
    assert_within(r.mode, scipy.stats.mode(x).mode)
    assert_within(r.min, x.min())
    assert_within(r.max, x.max())
    for q in (0.05, 0.3, 0.75):
        assert_within(r.q[str(q)], frame.x.quantile(q))
    assert_within(r.trimmed, scipy.stats.trim_mean(x, 0.1))
    assert_within(r.mad, scipy.stats.median_abs_deviation(x))
    assert_within(r.gini, gini(x))
    poorest = np.sort(x)[: len(x) // 4].sum() / x.sum()
    assert_within(r.lorenz["1/4"], poorest)
    assert float(r.interval.low) <= statistics.median(x) <= float(r.interval.high)


@pytest.mark.parametrize("name", FRAMES)
def test_tests(name: str) -> None:
    frame = FRAMES[name]
    x, y, side, r = frame.x, frame.y, frame.side, tests.simulate(frame)
    welch = scipy.stats.ttest_ind(x[side], x[~side], equal_var=False)
    for ours, theirs in [(r.welch.statistic, welch.statistic), (r.welch.df, welch.df), (r.welch.pvalue, welch.pvalue)]:
        assert_within(ours, theirs)
    paired = scipy.stats.ttest_rel(x, y)
    assert_within(r.paired.statistic, paired.statistic)
    assert_within(r.paired.pvalue, paired.pvalue)
    anova = scipy.stats.f_oneway(*(x[frame.group == label] for label in frame.group.unique()))
    assert_within(r.anova.statistic, anova.statistic)
    assert_within(r.anova.pvalue, anova.pvalue)
    u = scipy.stats.mannwhitneyu(x[side], x[~side], use_continuity=False, method="asymptotic")
    assert_within(r.u.statistic, u.statistic)
    assert_within(r.u.pvalue, u.pvalue)
    chi2 = scipy.stats.chi2_contingency(pd.crosstab(frame.group, side), correction=False)
    assert_within(r.chi2.statistic, chi2.statistic)
    assert_within(r.chi2.pvalue, chi2.pvalue)
    low, high = scipy.stats.t.interval(0.9, len(x) - 1, x.mean(), scipy.stats.sem(x))
    assert_within(r.mean.low, low)
    assert_within(r.mean.high, high)
    assert_within(r.difference.low, welch.confidence_interval().low)
    low, high = proportion_confint(side.sum(), len(side), method="wilson")
    assert_within(r.share.low, low)
    assert_within(r.share.high, high)
    line = scipy.stats.linregress(x, y)
    assert_within(r.line.slope, line.slope)
    assert_within(r.line.intercept, line.intercept)
    assert_within(r.line.r, line.rvalue)
    assert_within(r.line.slope_error, line.stderr)
    assert_within(r.line.intercept_error, line.intercept_stderr)
    assert_within(r.line.pvalue, line.pvalue)
    plane = sm.OLS(y, sm.add_constant(np.column_stack([x, side]).astype(float))).fit()
    for position, label in enumerate(["intercept", "x", "side"]):
        assert_within(r.plane[label].value, plane.params.iloc[position], 1e-8)
        assert_within(r.plane[label].error, plane.bse.iloc[position], 1e-8)
        assert_within(r.plane[label].pvalue, plane.pvalues.iloc[position])
    assert_within(r.plane.r_squared, plane.rsquared)


@pytest.mark.parametrize("name", FRAMES)
def test_groups(name: str) -> None:
    frame, r = FRAMES[name], groups.simulate(FRAMES[name])
    by = frame.groupby("group").x
    for aggregate in ("count", "sum", "mean", "var", "min", "max", "median"):
        for label, expected in getattr(by, aggregate)().items():
            assert_within(r[aggregate][label], expected)
    for label, row in pd.crosstab(frame.group, frame.side).iterrows():
        for side, count in row.items():
            assert_within(r.cells[label][str(side).lower()], count)
    counts, _ = np.histogram(frame.x, [0, 10, 12.5, 20, 60])
    assert [float(value) for value in r.histogram.values()] == list(counts)


@pytest.mark.parametrize("program", [moments, order, tests, groups], ids=lambda p: p.__name__)
def test_three_parties_agree_with_the_clear(program: ms.Program) -> None:
    frame = FRAMES["iris"].iloc[::4].reset_index(drop=True)
    clear, shared = program.simulate(frame), program.simulate(frame, parties=3)
    assert [path for path, _ in clear._rows] == [path for path, _ in shared._rows]
    for (path, ours), (_, theirs) in zip(clear._rows, shared._rows):
        assert ours.withheld == theirs.withheld, path
        if ours.withheld is None:
            assert abs(float(ours) - float(theirs)) <= ours.error + theirs.error, (path, ours, theirs)


HARD = {
    "constant": [5, 5, 5, 5],
    "ties": [1, 2, 2, 2, 3, 3, 1],
    "one row": [7],
    "two rows": [3, -4],
    "negative": [-10, -3, -7, -1],
    "ends of the range": [-(2**50), 2**50, 0, 2**50],
    "sixteen digits": [10**16 - 1, 10**16 - 2, 1, 10**15],
    "missing": [1, None, 3, None, 8],
}


@ms.program
def hard(t: ms.Table):
    x = t.x
    return {"n": x.count(), "sum": x.sum(), "mean": x.mean(), "var": x.var(ddof=0), "median": x.median(), "max": x.max()}


@pytest.mark.parametrize("parties", [1, 3])
@pytest.mark.parametrize("name", HARD)
def test_hard_data(name: str, parties: int) -> None:
    values = HARD[name]
    present = [value for value in values if value is not None]
    r = hard.simulate({"x": values}, parties=parties)
    assert_within(r.n, len(present))
    assert_within(r.sum, sum(present))
    assert_within(r.mean, statistics.mean(present))
    assert_within(r.var, float(statistics.pvariance(present)))
    assert_within(r.median, statistics.median(present))
    assert_within(r.max, max(present))


def test_undefined_results_say_so() -> None:
    @ms.program
    def spread(t: ms.Table):
        return {"var": t.x.var(), "r": t.x.corr(t.y)}

    for parties in (1, 3):
        assert spread.simulate({"x": [4], "y": [2]}, parties=parties).var.withheld == "undefined"
        assert spread.simulate({"x": [4, 4], "y": [2, 3]}, parties=parties).r.withheld == "undefined"


def test_sixteen_digits_at_a_million_rows_fit() -> None:
    column = {"type": "decimal", "scale": 8, "min": "0", "max": "99999999.99999999"}
    schema = {"survey": {"columns": {"x": column}, "max_rows": 1_000_000}}

    @ms.program
    def both(t: ms.Table):
        return {"mean": t.x.mean(), "var": t.x.var()}

    x = [99999999.99999999, 0.00000001, 5.5]
    r = both.simulate({"survey": {"x": x}}, schema=schema, parties=3)
    assert_within(r.var, np.var(x, ddof=1))


@pytest.mark.parametrize("parties", [1, 3])
def test_sixteen_digits_at_a_million_rows_correlate(parties: int) -> None:
    column = {"type": "decimal", "scale": 8, "min": "0", "max": "99999999.99999999"}
    schema = {"survey": {"columns": {"x": column, "y": column}, "max_rows": 1_000_000}}
    data = {"x": [99999999.99999999, 0.00000001, 5.5, 0], "y": [1.25, 3, 99999999.99999999, 7]}
    for name, program in {
        "corr": ms.program(lambda t: t.x.corr(t.y)),
        "slope": ms.program(lambda t: ms.linear_regression(t.x, t.y).slope),
    }.items():
        (ours,) = program.simulate({"survey": data}, schema=schema, parties=parties).values()
        theirs = np.corrcoef(data["x"], data["y"])[0, 1] if name == "corr" else scipy.stats.linregress(data["x"], data["y"]).slope
        assert_within(ours, theirs)


@pytest.mark.parametrize("name", FRAMES)
def test_ratios_of_moments_alone(name: str) -> None:
    x = FRAMES[name].x.to_numpy()
    for function, expected in ((ms.skew, scipy.stats.skew(x)), (ms.kurtosis, scipy.stats.kurtosis(x))):
        alone = ms.program(lambda t: function(t.x))
        for parties in (1, 3):
            (value,) = alone.simulate({"x": list(x)}, parties=parties).values()
            assert_within(value, expected)
            assert parties == 1 or 0 < value.error < 1e-9 * max(1, abs(expected)), "what nobody opened is rounded"


def median_ranks(n: int, confidence: float) -> tuple[int, int]:
    low = max(0, math.floor((n - scipy.stats.norm.ppf((1 + confidence) / 2) * math.sqrt(n)) / 2))
    return low, n - 1 - low


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.999])
def test_interval_for_the_median_of_those_present(confidence: float) -> None:
    x = FRAMES["fair"].x.head(60).tolist()
    x = [None if row % 7 == 2 else value for row, value in enumerate(x)]
    present = sorted(value for value in x if value is not None)
    old = [value for value in present if value > 25]
    program = ms.program(
        lambda t: {"all": ms.median_interval(t.x, confidence), "old": ms.median_interval(t.x[t.x > 25], confidence)}
    )
    for parties in (1, 3):
        r = program.simulate({"x": x}, parties=parties)
        for ours, values in ((r.all, present), (r.old, old)):
            low, high = median_ranks(len(values), confidence)
            assert (float(ours.low), float(ours.high)) == (values[low], values[high])
            assert float(ours.n) == len(values) and float(ours.median) == statistics.median(values)


def test_ranks_of_the_interval_for_every_count() -> None:
    program = ms.program(lambda t: {"x": ms.median_interval(t.x)})
    for n in range(1, 70):
        r = program.simulate({"x": [*range(n), None]}).x
        assert (float(r.low), float(r.high)) == median_ranks(n, 0.95), n


@pytest.mark.parametrize("name", FRAMES)
def test_mode_of_a_category(name: str) -> None:
    frame = FRAMES[name].iloc[::5].reset_index(drop=True)
    frame["some"] = frame.group.where(frame.index % 3 != 1)
    program = ms.program(lambda t: {"all": t.group.mode(), "side": t.group[t.side].mode(), "some": t.some.mode()})
    for parties in (1, 3):
        r = program.simulate(frame, parties=parties)
        assert str(r.all) == r.all.label == frame.group.mode()[0]
        assert r.side.label == frame.group[frame.side].mode()[0]
        assert r.some.label == frame.some.mode()[0]


def assert_same(ours: ms.Value, theirs: float) -> None:
    """Within the bound; undefined where the other is not a number."""
    if math.isnan(theirs):
        assert ours.withheld == "undefined", (ours, theirs)
    else:
        assert_within(ours, theirs)


@ms.program
def hard_spread(t: ms.Table):
    x = t.x
    return {
        "std": x.std(),
        "sem": x.sem(),
        "shape": ms.shape(x),
        "mad": ms.median_abs_deviation(x),
        "q": x.quantile([0.1, 0.9]),
        "five": x.five_numbers(),
        "mode": x.mode(),
        "range": ms.ptp(x),
        "trimmed": ms.trim_mean(x, 0.2),
        "interval": ms.mean_interval(x),
        "median": ms.median_interval(x),
    }


@ms.program
def hard_pairs(t: ms.Table):
    return {
        "cov": t.x.cov(t.y),
        "r": t.x.corr(t.y),
        "rho": ms.spearmanr(t.x, t.y),
        "line": ms.linear_regression(t.x, t.y),
        "paired": ms.ttest_rel(t.x, t.y),
        "welch": ms.ttest_ind(t.x, t.y),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("parties", [1, 3])
@pytest.mark.parametrize("name", HARD)
def test_spread_of_hard_data(name: str, parties: int) -> None:
    r = hard_spread.simulate({"x": HARD[name]}, parties=parties)
    x = pd.Series(HARD[name]).dropna()
    constant = len(set(x)) == 1
    assert_same(r.std, x.std())
    assert_same(r.sem, x.sem())
    assert_same(r.shape.skewness, math.nan if constant else scipy.stats.skew(x))
    assert_same(r.shape.kurtosis, math.nan if constant else scipy.stats.kurtosis(x))
    assert_same(r.mad, scipy.stats.median_abs_deviation(x))
    for q in (0.1, 0.9):
        assert_same(r.q[str(q)], x.quantile(q))
    for label, q in {"min": 0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1}.items():
        assert_same(r.five[label], x.quantile(q))
    assert_same(r.mode, x.mode()[0])
    assert_same(r.range, x.max() - x.min())
    assert_same(r.trimmed, scipy.stats.trim_mean(x, 0.2))
    n, margin = len(x), scipy.stats.t.ppf(0.975, len(x) - 1) * x.sem()
    assert_same(r.interval.low, x.mean() - margin if n > 1 else math.nan)
    low, high = median_ranks(n, 0.95)
    assert_same(r.median.low, sorted(x)[low])
    assert_same(r.median.high, sorted(x)[high])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("parties", [1, 3])
@pytest.mark.parametrize("name", HARD)
def test_pairs_of_hard_data(name: str, parties: int) -> None:
    other = [0 if value is None else value // 3 + row * row for row, value in enumerate(HARD[name])]
    r = hard_pairs.simulate({"x": HARD[name], "y": other}, parties=parties)
    both = pd.DataFrame({"x": HARD[name], "y": other}).dropna().astype(float)
    x, y, n = both.x, both.y, len(both)
    varies = n > 1 and x.nunique() > 1 and y.nunique() > 1
    assert_same(r.cov, x.cov(y) if n > 1 else math.nan)
    assert_same(r.r, x.corr(y) if varies else math.nan)
    assert_same(r.rho, x.corr(y, method="spearman") if varies else math.nan)
    assert_same(r.line.slope, scipy.stats.linregress(x, y).slope if varies else math.nan)
    difference = x - y
    paired = scipy.stats.ttest_rel(x, y).statistic if n > 1 and difference.nunique() > 1 else math.nan
    assert_same(r.paired.statistic, paired)
    spread = n > 1 and x.var() + pd.Series(other).var() > 0
    assert_same(r.welch.statistic, scipy.stats.ttest_ind(x, other, equal_var=False).statistic if spread else math.nan)
