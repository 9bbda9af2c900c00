"""Missing values, selections and empty groups, as pandas has them; by one engine and by three parties."""

import math

import mpcstats as ms
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.datasets import load_diabetes

from test_statistics import assert_within, gini

PARTIES = pytest.mark.parametrize("parties", [1, 3])


def frame_with_gaps(rows: int = 60) -> pd.DataFrame:
    """Part of scikit-learn's diabetes data, with values taken out."""
    diabetes = load_diabetes(as_frame=True, scaled=False).frame.head(rows)
    frame = pd.DataFrame({"x": diabetes["bmi"], "y": diabetes["target"].astype("Int64"), "w": diabetes["age"].astype(int)})
    frame["old"] = (diabetes["age"] > 50).astype("boolean")
    frame["sex"] = diabetes["sex"].map("sex {:.0f}".format).astype(object)
    for position, column in enumerate(["x", "y", "old", "sex"]):
        frame.loc[position::7, column] = np.nan if column == "x" else pd.NA
    return frame


FRAME = frame_with_gaps()


@ms.program
def single(t: ms.Table):
    x = t.x
    return {
        "count": x.count(),
        "missing": x.isna().sum(),
        "sum": x.sum(),
        "mean": x.mean(),
        "var": x.var(),
        "std": x.std(ddof=0),
        "sem": x.sem(),
        "min": x.min(),
        "max": x.max(),
        "ptp": ms.ptp(x),
        "median": x.median(),
        "q": x.quantile([0.1, 0.75]),
        "mode": x.mode(),
        "filled": x.fillna(20).mean(),
        "clipped": x.clip(22, 30).sum(),
        "trimmed": ms.trim_mean(x, 0.1),
        "mad": ms.median_abs_deviation(x),
        "gini": ms.gini(x),
        "gmean": ms.geometric_mean(x),
        "hmean": ms.harmonic_mean(x),
        "shape": ms.shape(x),
    }


@PARTIES
def test_one_column(parties: int) -> None:
    x, r = FRAME.x, single.simulate(FRAME, parties=parties)
    present = x.dropna().to_numpy()
    assert_within(r["count"], x.count())
    assert_within(r.missing, x.isna().sum())
    for name in ("sum", "mean", "var", "sem", "min", "max", "median"):
        assert_within(r[name], getattr(x, name)())
    assert_within(r.std, x.std(ddof=0))
    assert_within(r.ptp, np.ptp(present))
    assert_within(r.q["0.1"], x.quantile(0.1))
    assert_within(r.q["0.75"], x.quantile(0.75))
    assert_within(r.mode, x.mode()[0])
    assert_within(r.filled, x.fillna(20).mean())
    assert_within(r.clipped, x.clip(22, 30).sum())
    assert_within(r.trimmed, scipy.stats.trim_mean(present, 0.1))
    assert_within(r.mad, scipy.stats.median_abs_deviation(present))
    assert_within(r.gini, gini(present))
    assert_within(r.gmean, scipy.stats.gmean(present))
    assert_within(r.hmean, scipy.stats.hmean(present))
    assert_within(r.shape.skewness, scipy.stats.skew(present))
    assert_within(r.shape.kurtosis, scipy.stats.kurtosis(present))
    assert all(value.error < 1e-6 * max(1, abs(float(value))) for _, value in r._rows), "bounds say something"


@ms.program
def several(t: ms.Table):
    x, y = t.x, t.y
    return {
        "cov": x.cov(y),
        "r": x.corr(y),
        "rho": x.corr(y, method="spearman"),
        "dot": x.dot(y),
        "weighted": ms.weighted_mean(x, t.w),
        "line": ms.linear_regression(x, y),
        "paired": ms.ttest_rel(x, y),
        "welch": ms.ttest_ind(x[t.old], x[~t.old]),
        "u": ms.mannwhitneyu(x, t.old),
        "anova": ms.f_oneway(x, t.sex),
        "cells": ms.crosstab(t.sex, t.old),
        "share": t.old.mean(),
        "groups": t.groupby("sex").x.mean(),
        "sizes": t[t.y > 100].groupby(t.sex).size(),
    }


@PARTIES
def test_several_columns(parties: int) -> None:
    r, frame = several.simulate(FRAME, parties=parties), FRAME
    x, y = frame.x, frame.y.astype(float)
    pairs = frame[["x", "y"]].astype(float).dropna()
    assert_within(r.cov, x.cov(y))
    assert_within(r.r, x.corr(y))
    assert_within(r.rho, x.corr(y, method="spearman"))
    assert_within(r.dot, (pairs.x * pairs.y).sum())
    assert_within(r.weighted, np.average(x.dropna(), weights=frame.w[x.notna()]))
    line = scipy.stats.linregress(pairs.x, pairs.y)
    assert_within(r.line.slope, line.slope)
    assert_within(r.line.slope_error, line.stderr)
    assert_within(r.paired.pvalue, scipy.stats.ttest_rel(pairs.x, pairs.y).pvalue)
    old = frame.old.fillna(False).astype(bool)
    young = (~frame.old).fillna(False).astype(bool)
    welch = scipy.stats.ttest_ind(x[old].dropna(), x[young].dropna(), equal_var=False)
    assert_within(r.welch.statistic, welch.statistic)
    u = scipy.stats.mannwhitneyu(x[old].dropna(), x[young].dropna(), use_continuity=False, method="asymptotic")
    assert_within(r.u.statistic, u.statistic)
    assert_within(r.u.pvalue, u.pvalue)
    anova = scipy.stats.f_oneway(*(group.dropna() for _, group in frame.groupby("sex").x))
    assert_within(r.anova.statistic, anova.statistic)
    for label, row in pd.crosstab(frame.sex, frame.old).iterrows():
        for side, count in row.items():
            assert_within(r.cells[label][str(side).lower()], count)
    assert_within(r.share, frame.old.mean())
    for label, mean in frame.groupby("sex").x.mean().items():
        assert_within(r.groups[label], mean)
    for label, size in frame[(frame.y > 100).fillna(False)].groupby("sex").size().items():
        assert_within(r.sizes[label], size)


@PARTIES
def test_logic_with_missing_values_is_that_of_pandas(parties: int) -> None:
    truths = [True, False, None]
    a = pd.array([one for one in truths for _ in truths], dtype="boolean")
    b = pd.array([other for _ in truths for other in truths], dtype="boolean")
    x = pd.array([1, 2, None] * 3, dtype="Int64")
    frame = pd.DataFrame({"a": a, "b": b, "x": x, "y": range(9)})

    @ms.program
    def logic(t: ms.Table):
        return {
            "and": (t.a & t.b).sum(),
            "nand": (~(t.a & t.b)).sum(),
            "or": (t.a | t.b).sum(),
            "nor": (~(t.a | t.b)).sum(),
            "xor": (t.a ^ t.b).sum(),
            "or_count": (t.a | t.b).count(),
            "mixed": ((t.x > 1) | (t.y > 6)).sum(),
            "present": t.x.notna().sum(),
            "all": t.y.notna().sum(),
            "where": ms.where(t.y > 4, t.x, t.y).sum(),
            "where_count": ms.where(t.y > 4, t.x, t.y).count(),
            "not_two": (t.x != 2).sum(),
        }

    r = logic.simulate(frame, parties=parties)
    both, either = frame.a & frame.b, frame.a | frame.b
    chosen = frame.y.astype("Int64").where(~(frame.y > 4), frame.x)
    for name, expected in {
        "and": both.sum(),
        "nand": (~both).sum(),
        "or": either.sum(),
        "nor": (~either).sum(),
        "xor": (frame.a ^ frame.b).sum(),
        "or_count": either.count(),
        "mixed": ((frame.x > 1) | (frame.y > 6)).sum(),
        "present": frame.x.notna().sum(),
        "all": 9,
        "where": chosen.sum(),
        "where_count": chosen.count(),
        "not_two": (frame.x != 2).sum(),
    }.items():
        assert float(r[name]) == expected, name


@PARTIES
def test_of_nothing_most_statistics_are_undefined(parties: int) -> None:
    @ms.program
    def nothing(t: ms.Table):
        none = t.x[t.x > 50]
        return {
            "count": none.count(),
            "sum": none.sum(),
            "undefined": {
                "mean": none.mean(),
                "min": none.min(),
                "max": none.max(),
                "median": none.median(),
                "q": none.quantile(0.9),
                "mode": none.mode(),
                "ptp": ms.ptp(none),
                "mad": ms.median_abs_deviation(none),
                "var": none.var(),
                "gini": ms.gini(none),
            },
            "kept": t.x.max(),
        }

    r = nothing.simulate({"x": [3, 50, 7]}, parties=parties)
    assert float(r["count"]) == float(r.sum) == 0 and float(r.kept) == 50
    assert {value.withheld for value in r.undefined.values()} == {"undefined"}


@PARTIES
def test_groups_by_values_that_nobody_listed(parties: int) -> None:
    codes = [300, 7, 7, None, 41, 300, 300, 7, 300, 41, 5, None, 300]
    frame = pd.DataFrame({"code": pd.array(codes, dtype="Int64"), "x": range(13)})
    program = ms.program(lambda t: {"x": t.groupby("code", top=5).x.mean(), "n": t.groupby("code", top=2).size()})
    r = program.simulate(frame, parties=parties)
    expected = frame.groupby("code").x.agg(["count", "mean"]).sort_values("count", ascending=False, kind="stable")
    for place, (code, row) in enumerate(expected.iterrows(), start=1):
        group = r.x[str(place)]
        assert (float(group.key), float(group["count"])) == (code, row["count"])
        assert_within(group.value, row["mean"])
    assert float(r.x["5"]["count"]) == 0 and r.x["5"].key.withheld == r.x["5"].value.withheld == "undefined"

    limits = {"minimum": 2, "leaks": ["order_statistics"]}
    r = program.simulate(frame, parties=parties, limits=limits)
    assert float(r.x["2"].key) == 7 and math.isclose(float(r.x["2"].value), 10 / 3)
    assert r.x["4"].key.withheld == r.x["4"]["count"].withheld == "too_few"
