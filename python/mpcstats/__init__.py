"""Ask three parties for statistics of data that none of them can read.

A program is a Python function over tables, marked with :func:`program`. Calling it traces a *plan*; nothing is computed
then. See ``program.explain()`` for what it costs and reveals, ``program.simulate(dataframe)`` to try it on data of your
own, ``Client(survey, keys).run(program)`` to ask the parties of a survey, and ``docs/src/python.md`` for the reference.
"""

from mpcstats._native import (
    Column,
    GroupBy,
    Record,
    Scalar,
    Table,
    chi2_contingency,
    correlation,
    counts_from,
    covariance,
    crosstab,
    difference_interval,
    f_oneway,
    geometric_mean,
    gini,
    harmonic_mean,
    histogram,
    kurtosis,
    linear_regression,
    lorenz,
    mannwhitneyu,
    maximum,
    mean,
    mean_interval,
    median,
    median_abs_deviation,
    median_interval,
    minimum,
    mode,
    multiple_regression,
    proportion,
    proportion_interval,
    pstdev,
    ptp,
    pvariance,
    quantiles,
    shape,
    skew,
    spearmanr,
    stdev,
    trim_mean,
    ttest_ind,
    ttest_rel,
    variance,
    weighted_mean,
    weighted_variance,
    where,
)
from mpcstats.client import Client, Epoch, Release
from mpcstats.data import schema_of
from mpcstats.errors import ClientError, ProgramError
from mpcstats.program import Explanation, Program, program
from mpcstats.result import Result, Value

__all__ = [name for name in dir() if not name.startswith("_")]
__version__ = "0.1.0"
