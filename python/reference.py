"""Prints the Python reference of the documentation from the package itself: ``python3 python/reference.py``.

Signatures come from the type stubs and the sources, meanings from the docstrings, examples from below.
``tests/test_reference.py`` fails if the page in ``docs`` is another, if a public name has no entry, if the stubs and the package
differ, or if an example does not run.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path
from typing import Any, Iterator

import mpcstats as ms
from mpcstats import _native

STUBS = ast.parse((Path(ms.__file__).parent / "_native.pyi").read_text())

#: What the examples are about: numbers `x`, `y` and (with missing values) `z`, a truth `side`, labels `group`.
DATA = {
    "x": [3.5, 12.25, 8, 5.75, 20, 1.5, 9.25, 4, 7.5, 6, 15.25, 2],
    "y": [10, 35, 22, 20, 61, 6, 30, 11, 25, 19, 44, 8],
    "z": [4, None, 6, 2, 9, None, 4, 4, 1, 7, 3, 5],
    "side": [True, False] * 6,
    "group": ["north", "south", "east"] * 4,
}

#: Functions, and methods of what a program computes with, in the order of the page.
EXAMPLES = {
    "Table.columns": "[t[name].count() for name in t.columns]",
    "Table.__getattr__": "t.x.mean()",
    "Table.__getitem__": 't["x"].mean(), t[t.side].x.mean()',
    "Table.count": "t[t.x > 5].count()",
    "Table.groupby": 't.groupby("group").x.mean(), t.groupby("z", top=2).x.mean()',
    "Table.merge": 'people.merge(accounts, on="id").balance.sum()',
    "GroupBy.__getattr__": 't.groupby("group").x.mean()',
    "GroupBy.__getitem__": 't.groupby("group")["x"].mean()',
    "GroupBy.size": 't.groupby("group").size()',
    "Grouped.count": 't.groupby("group").z.count()',
    "Grouped.sum": 't.groupby("group").x.sum()',
    "Grouped.mean": "t.groupby(t.side).x.mean()",
    "Grouped.var": 't.groupby("group").x.var()',
    "Grouped.std": 't.groupby("group").x.std()',
    "Grouped.min": 't.groupby("group").x.min()',
    "Grouped.max": 't.groupby("group").x.max()',
    "Grouped.median": 't.groupby("group").x.median()',
    "Column.__add__": "(t.x + t.y).mean(), (1 + t.x).mean()",
    "Column.__sub__": "(t.x - t.y).mean(), (1 - t.x).mean()",
    "Column.__mul__": "(t.x * t.y).sum(), (2 * t.x).sum()",
    "Column.__pow__": "(t.x ** 2).mean()",
    "Column.__neg__": "(-t.x).max()",
    "Column.__abs__": "abs(t.x - t.y).mean()",
    "Column.__and__": "((t.x > 5) & t.side).sum()",
    "Column.__or__": "((t.x > 5) | t.side).sum()",
    "Column.__xor__": "((t.x > 5) ^ t.side).sum()",
    "Column.__invert__": "(~t.side).sum()",
    "Column.__lt__": "(t.x < t.y).sum()",
    "Column.__le__": "(t.x <= 8).sum()",
    "Column.__gt__": "(t.x > 5).sum()",
    "Column.__ge__": "(t.x >= 8).sum()",
    "Column.__eq__": '(t.group == "north").sum()',
    "Column.__ne__": '(t.group != "north").sum()',
    "Column.__getitem__": "t.x[t.side & (t.y > 10)].mean()",
    "Column.where": "t.x.where(t.side).mean()",
    "Column.fillna": "t.z.fillna(0).mean()",
    "Column.notna": "t.z.notna().sum()",
    "Column.isna": "t.z.isna().sum()",
    "Column.isin": 't.group.isin(["north", "east"]).sum()',
    "Column.clip": "t.x.clip(2, 10).mean()",
    "Column.abs": "(t.x - t.y).abs().max()",
    "Column.count": "t.z.count()",
    "Column.sum": "t.x.sum(), t.side.sum()",
    "Column.mean": "t.x.mean()",
    "Column.median": "t.x.median()",
    "Column.mode": "t.y.mode(), t.group.mode()",
    "Column.min": "t.x.min()",
    "Column.max": "t.x.max()",
    "Column.var": "t.x.var(), t.x.var(ddof=0)",
    "Column.std": "t.x.std(), t.x.std(ddof=0)",
    "Column.sem": "t.x.sem()",
    "Column.cov": "t.x.cov(t.y)",
    "Column.corr": 't.x.corr(t.y), t.x.corr(t.y, method="spearman")',
    "Column.dot": "t.x.dot(t.y)",
    "Column.quantile": "t.x.quantile(0.9), t.x.quantile([0.1, 0.9])",
    "Column.five_numbers": "t.x.five_numbers()",
    "Column.describe": "t.x.describe()",
    "Column.sort_values": "t.x.sort_values().dot(t.x.sort_values().index())",
    "Column.index": "t.x.sort_values()[t.x.sort_values().index() >= 6].sum()",
    "Column.cumsum": "(t.x.sort_values().cumsum() < 20).sum()",
    "Column.rank": "t.x.rank()[t.side].sum()",
    "Scalar.__add__": "t.x.sum() + t.y.sum(), 1 + t.x.mean()",
    "Scalar.__sub__": "t.x.max() - t.x.min(), 1 - t.side.mean()",
    "Scalar.__mul__": "2 * t.x.mean(), t.x.sum() * t.y.sum()",
    "Scalar.__truediv__": "t.x.sum() / t.y.sum(), 1 / t.x.mean()",
    "Scalar.__floordiv__": "t.x.count() // 10",
    "Scalar.__pow__": "t.x.dot(t.x) / t.x.sum() ** 2",
    "Scalar.__neg__": "-t.x.sum()",
    "Scalar.__invert__": "~(t.x.sum() > t.y.sum())",
    "Scalar.__lt__": "t.x.sum() < t.y.sum()",
    "Scalar.__le__": "t.x.sum() <= 100",
    "Scalar.__gt__": "t.x.sum() > t.y.sum()",
    "Scalar.__ge__": "t.x.sum() >= 100",
    "Scalar.sqrt": "t.x.var().sqrt()",
    "Scalar.log": "t.x.mean().log()",
    "Scalar.exp": "(t.x.mean() / 10).exp()",
    "Record.__getattr__": "ms.linear_regression(t.x, t.y).slope",
    "Record.__getitem__": 'ms.lorenz(t.x, 4)["1/4"]',
    "Record.__iter__": "{name: five[name] for five in [t.x.five_numbers()] for name in five}",
    "Record.__len__": "len(t.x.five_numbers()) * t.x.mean()",
    "Record.keys": "[ms.shape(t.x)[name] for name in ms.shape(t.x).keys()]",
    "where": "ms.where(t.x > t.y, t.x, t.y).mean()",
    "minimum": "ms.minimum(t.x, 10).mean()",
    "maximum": "ms.maximum(t.x, t.y).mean()",
    "mean": "ms.mean(t.x)",
    "weighted_mean": "ms.weighted_mean(t.x, t.y)",
    "geometric_mean": "ms.geometric_mean(t.x)",
    "harmonic_mean": "ms.harmonic_mean(t.x)",
    "trim_mean": "ms.trim_mean(t.x, 0.1)",
    "median": "ms.median(t.x)",
    "mode": "ms.mode(t.y)",
    "quantiles": "ms.quantiles(t.x, n=10)",
    "proportion": "ms.proportion(t.x > 5)",
    "variance": "ms.variance(t.x)",
    "pvariance": "ms.pvariance(t.x)",
    "stdev": "ms.stdev(t.x)",
    "pstdev": "ms.pstdev(t.x)",
    "weighted_variance": "ms.weighted_variance(t.x, t.y)",
    "ptp": "ms.ptp(t.x)",
    "median_abs_deviation": "ms.median_abs_deviation(t.x)",
    "gini": "ms.gini(t.x)",
    "lorenz": "ms.lorenz(t.x, points=4)",
    "skew": "ms.skew(t.y)",
    "kurtosis": "ms.kurtosis(t.y)",
    "shape": "ms.shape(t.x)",
    "histogram": "ms.histogram(t.x, [0, 5, 10, 25])",
    "counts_from": "ms.counts_from(t.x, [5, 10])",
    "covariance": "ms.covariance(t.x, t.y)",
    "correlation": "ms.correlation(t.x, t.y)",
    "spearmanr": "ms.spearmanr(t.x, t.y)",
    "linear_regression": "ms.linear_regression(t.x, t.y)",
    "multiple_regression": 'ms.multiple_regression(t.y, {"x": t.x, "side": t.side})',
    "crosstab": "ms.crosstab(t.group, t.side)",
    "chi2_contingency": "ms.chi2_contingency(t.group, t.side)",
    "ttest_ind": "ms.ttest_ind(t.x[t.side], t.x[~t.side])",
    "ttest_rel": "ms.ttest_rel(t.x, t.y)",
    "f_oneway": "ms.f_oneway(t.x, t.group)",
    "mannwhitneyu": "ms.mannwhitneyu(t.x, t.side)",
    "mean_interval": "ms.mean_interval(t.x, 0.99)",
    "difference_interval": "ms.difference_interval(t.x[t.side], t.x[~t.side])",
    "proportion_interval": "ms.proportion_interval(t.side)",
    "median_interval": "ms.median_interval(t.z, 0.9)",
}

#: What runs outside of programs: statements, after `RUN` or, if `client` is in them, with a survey.
STATEMENTS = {
    "program": "@ms.program\ndef spread(t: ms.Table):\n    return {'low': t.x.min(), 'high': t.x.max()}",
    "schema_of": "ms.schema_of(frame)",
    "Program.tables": "spread.tables",
    "Program.plan": "spread.plan(frame)",
    "Program.explain": "print(spread.explain(frame, rows=1000))",
    "Program.simulate": "spread.simulate(frame, parties=3, limits={'minimum': 5, 'leaks': ['extremes']})",
    "Explanation.id": "spread.explain(frame).id",
    "Explanation.leaks": "spread.explain(frame).leaks",
    "Explanation.nodes": "spread.explain(frame).nodes",
    "Explanation.opened": "spread.explain(frame).opened",
    "Explanation.cost": "spread.explain(frame).cost['seconds']",
    "Result.from_json": "ms.Result.from_json('[{\"path\": [\"n\"], \"value\": 2.0, \"error\": 0.0}]')",
    "Result.rows_of": "ms.Result.rows_of([{'path': ['n'], 'value': 2.0, 'error': 0.0}])",
    "Result.__getitem__": "result['low']",
    "Result.__getattr__": "result.low",
    "Result.__iter__": "{name: float(result[name]) for name in result}",
    "Result.__len__": "len(result)",
    "Value.value": "result.low.value",
    "Value.error": "result.low.error",
    "Value.exact": "result.low.exact",
    "Value.unit": "result.low.unit",
    "Value.withheld": "result.low.withheld",
    "Value.label": "result.low.label",
    "Value.__float__": "float(result.low)",
    "ProgramError.code": "try:\n    ms.program(lambda t: t.x).plan(frame)\nexcept ms.ProgramError as error:\n    print(error.code)",
    "ProgramError.cause": "ms.ProgramError('plan.data', 'the column is empty', 'add rows').cause",
    "ProgramError.hint": "ms.ProgramError('plan.data', 'the column is empty', 'add rows').hint",
    "ProgramError.node": "ms.ProgramError('plan.data', 'the column is empty', 'add rows').node",
    "ProgramError.place": "ms.ProgramError('plan.data', 'the column is empty', 'add rows').place",
    "ProgramError.located": "ms.ProgramError('plan.type', 'no number', 'use one', 0).located(['survey.py:3'])",
    "ClientError.code": "ms.ClientError('network', 'nobody answers').code",
    "ClientError.cause": "ms.ClientError('network', 'nobody answers').cause",
    "Client": "client = ms.Client('https://survey.example:8443/#9f2c…', keys='consumer.key')",
    "Client.id": "client.id",
    "Client.definition": "client.definition['policy']",
    "Client.schema": "spread.explain(client.schema)",
    "Client.limits": "spread.simulate(frame, limits=client.limits)",
    "Client.plans": "client.plans",
    "Client.epochs": "client.epochs()[-1].number",
    "Client.run": "release = client.run(spread, epochs=[1, 2])",
    "Client.verify": "client.verify(json.load(open('certificate.json')))",
    "Release.certificate": "json.dump(client.run('spread').certificate, open('certificate.json', 'w'))",
    "Release.accounts": "client.run('spread').accounts",
    "Release.release": "client.run('spread').release",
    "Release.epochs": "client.run('spread').epochs",
    "Epoch.number": "client.epochs()[-1].number",
    "Epoch.accounts": "client.epochs()[-1].accounts",
}

RUN = f"{STATEMENTS['program']}\nresult = spread.simulate(frame)"

#: What Python's own methods mean here, which have no docstring.
MEANINGS = {
    "__add__": "Sum; a number may stand on either side.",
    "__sub__": "Difference; a number may stand on either side.",
    "__mul__": "Product; a number may stand on either side.",
    "__truediv__": "Quotient; undefined if the divisor is 0. A number may stand on either side.",
    "__floordiv__": "Quotient by a public whole number, rounded down.",
    "__pow__": "A power from 1 to 8.",
    "__neg__": "The negative.",
    "__abs__": "The absolute value.",
    "__and__": "Where both hold. Put comparisons in brackets.",
    "__or__": "Where one of both holds.",
    "__xor__": "Where one of both holds and the other does not.",
    "__invert__": "Where it does not hold.",
    "__lt__": "Less than.",
    "__le__": "At most.",
    "__gt__": "More than.",
    "__ge__": "At least.",
    "__eq__": "The same number, or the label.",
    "__ne__": "Another number, or another label.",
    "Column.__getitem__": "The rows where a condition holds: the others count in nothing.",
    "Table.__getattr__": "A column, by its name.",
    "Table.__getitem__": "A column by its name, or the part of the table where a condition holds.",
    "GroupBy.__getattr__": "A column by groups, by its name.",
    "GroupBy.__getitem__": "A column by groups, by its name.",
    "Record.__getattr__": "The number, or the record, under a label.",
    "Record.__getitem__": "The number, or the record, under a label that is no Python name.",
    "Record.__iter__": "The labels, in order.",
    "Record.__len__": "How many labels there are.",
    "Result.__getitem__": "The value of this name, or the results under it.",
    "Result.__getattr__": "The value of this name, or the results under it.",
    "Result.__iter__": "The names, in order.",
    "Result.__len__": "How many names there are.",
    "Value.__float__": "The number; ``ValueError`` if it is withheld.",
}

#: How Python's own methods are written.
OPERATORS = {
    "__add__": "{a} + other", "__sub__": "{a} - other", "__mul__": "{a} * other", "__truediv__": "{a} / other",
    "__floordiv__": "{a} // divisor", "__pow__": "{a} ** power", "__neg__": "-{a}", "__abs__": "abs({a})",
    "__and__": "{a} & other", "__or__": "{a} | other", "__xor__": "{a} ^ other", "__invert__": "~{a}",
    "__lt__": "{a} < other", "__le__": "{a} <= other", "__gt__": "{a} > other", "__ge__": "{a} >= other",
    "__eq__": "{a} == other", "__ne__": "{a} != other", "__getitem__": "{a}[key]", "__getattr__": "{a}.name",
    "__iter__": "for name in {a}", "__len__": "len({a})", "__float__": "float({a})",
}

#: Methods that are another one's other side, or Python's own business.
UNLISTED = {"__radd__", "__rsub__", "__rmul__", "__rtruediv__", "__init__", "__repr__", "__str__", "__hash__", "__bool__"}

SECTIONS = [
    ("Programs", "A program is a function over tables; tracing it gives a plan, and computes nothing.",
     ["program", "Program", "Explanation", "schema_of"]),
    ("Tables", "What the parameters of a program are.", ["Table", "GroupBy", "Grouped"]),
    ("Columns", "One value a provider, known to nobody. Missing values count in no aggregate.", ["Column"]),
    ("Numbers", "What aggregates are, and what a program returns.", ["Scalar", "Record"]),
    ("Choosing", "", ["where", "minimum", "maximum"]),
    ("Statistics", "Named as in Python's `statistics`, numpy and scipy where these have them. "
     "[Statistics](statistics.md) gives formula, source, leak, rounds and error bound of each.", None),
    ("Results", "What a simulation or a survey gives.", ["Result", "Value"]),
    ("Asking a survey", "", ["Client", "Release", "Epoch"]),
    ("Refusals", "", ["ProgramError", "ClientError"]),
]


def stub(name: str) -> ast.ClassDef | None:
    """The class of the stubs with this name."""
    return next((node for node in STUBS.body if isinstance(node, ast.ClassDef) and node.name == name), None)


def stubs_of(body: list[ast.stmt], name: str) -> list[ast.FunctionDef]:
    """Every signature that the stubs give a function."""
    return [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]


def members(name: str) -> list[str]:
    """The public members of a class, in the order of its source."""
    definition = stub(name)
    if definition is None:
        source = ast.parse(textwrap.dedent(inspect.getsource(getattr(ms, name)))).body[0]
        assert isinstance(source, ast.ClassDef)
        definition = source
    found: dict[str, None] = {}
    for node in ast.walk(definition):
        if isinstance(node, ast.FunctionDef) and not (node.name.startswith("_") and not node.name.endswith("__")):
            found[node.name] = None
        for target in [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", []):
            attribute = getattr(target, "id", None) or getattr(target, "attr", "")
            if stub(name) or comment(getattr(ms, name), attribute):
                found[attribute] = None
    return [member for member in found if member not in UNLISTED and not member.startswith("_") or member in OPERATORS]


def statistics() -> list[str]:
    """The functions that no other section has."""
    elsewhere = {name for _, _, names in SECTIONS for name in names or []}
    return [name for name in EXAMPLES if "." not in name and name not in elsewhere]


def signature(owner: str | None, name: str) -> str:
    """How it is written, with types."""
    if name in OPERATORS:
        return OPERATORS[name].format(a=(owner or "").lower())
    definition = stub(owner) if owner else None
    body = definition.body if definition else STUBS.body
    stubs = stubs_of(body, name) if definition or not owner else []
    prefix = f"{owner}." if owner else "ms."
    if stubs:
        return "\n".join(f"{prefix}{name}({arguments(node)}) -> {ast.unparse(node.returns or ast.Constant(None))}" for node in stubs)
    value = inspect.getattr_static(getattr(ms, owner) if owner else ms, name, None)
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if inspect.isfunction(value):
        text = str(inspect.signature(value)).replace("'", "").replace("mpcstats.program.", "")
        for receiver in ("(self, ", "(cls, ", "(self", "(cls"):
            text = text.replace(receiver, "(", 1) if text.startswith(receiver) else text
        return f"{prefix}{name}{text}"
    return f"{prefix}{name}"


def arguments(node: ast.FunctionDef) -> str:
    """The arguments of a function of the stubs, without the object itself."""
    text = ast.unparse(node.args)
    return text.removeprefix("self, ").removeprefix("self")


def meaning(owner: str | None, name: str) -> str:
    """The first paragraph of its docstring, or of the comment above it."""
    for key in (f"{owner}.{name}", name):
        if owner and key in MEANINGS:
            return MEANINGS[key]
    holder = (getattr(ms, owner, None) or getattr(_native, owner)) if owner else ms
    value = inspect.getattr_static(holder, name, None)
    text = comment(holder, name) or inspect.getdoc(value)
    assert text, f"{owner or 'ms'}.{name} has no docstring"
    return " ".join(text.split("\n\n")[0].split())


def comment(holder: Any, name: str) -> str | None:
    """The ``#:`` lines above an attribute."""
    if not inspect.isclass(holder) or not holder.__module__.startswith("mpcstats."):
        return None
    lines: list[str] = []
    for line in map(str.strip, inspect.getsource(holder).splitlines()):
        if line.startswith("#: "):
            lines.append(line[3:])
        elif lines and line.removeprefix("self.").split(":")[0].split(" ")[0] == name:
            return " ".join(lines)
        else:
            lines = []
    return None


def code(text: str) -> str:
    """Code in a cell of a table."""
    lines = text.replace("|", "\\|").splitlines()
    return "<br>".join(f"`{line}`" for line in lines) if len(lines) > 1 else f"`{lines[0]}`"


def cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def entries(names: list[str]) -> Iterator[str]:
    """The rows of the tables of functions and classes."""
    functions = [name for name in names if not inspect.isclass(getattr(ms, name, None) or getattr(_native, name, None))]
    if functions:
        yield "| | | for example |\n|---|---|---|"
        yield from (row(None, name) for name in functions)
    for name in names:
        if name in functions:
            continue
        holder = getattr(ms, name, None) or getattr(_native, name)
        yield f"\n### {name}\n\n{cell(' '.join((inspect.getdoc(holder) or '').split()))}\n"
        if name in STATEMENTS:
            yield f"```python\n{STATEMENTS[name]}\n```\n"
        yield "| | | for example |\n|---|---|---|"
        yield from (row(name, member) for member in members(name))


def row(owner: str | None, name: str) -> str:
    key = f"{owner}.{name}" if owner else name
    example = EXAMPLES.get(key) or STATEMENTS[key]
    return f"| {code(signature(owner, name))} | {cell(meaning(owner, name))} | {code(example)} |"


def page() -> str:
    """The page."""
    parts = [
        "# Python reference",
        "Every public name of the package `mpcstats`: `import mpcstats as ms`. This page is printed by "
        "`python3 python/reference.py` from the package itself, and every example of a program below runs in its tests, where `t` "
        "is a table with the number columns `x`, `y` and `z` (some missing), the truth `side` and the labels `group`. "
        "[Python](python.md) tells how it all fits together.",
    ]
    for title, about, names in SECTIONS:
        parts.append(f"## {title}")
        if about:
            parts.append(about)
        parts.append("\n".join(entries(statistics() if names is None else names)).strip())
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(page(), end="")
