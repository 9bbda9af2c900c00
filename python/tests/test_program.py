"""What programs may and may not do, and how refusals read."""

import json
import subprocess
import sys
import traceback
from decimal import Decimal
from pathlib import Path

import mpcstats as ms
import numpy as np
import pytest

DATA = {"x": list(range(1, 41)), "y": [value * 2 % 17 for value in range(40)], "city": ["a", "b", "b", "c"] * 10}


def refused(function, **arguments) -> ms.ProgramError:
    with pytest.raises(ms.ProgramError) as caught:
        ms.program(function).simulate(DATA, **arguments)
    return caught.value


def test_secret_branching_is_refused_at_the_users_line() -> None:
    def branch(t):
        if t.x.sum() > 3:  # the line
            return t.x.sum()
        return t.x.count()

    error = refused(branch)
    assert error.code == "plan.secret" and "ms.where" in error.hint
    assert "# the line" in traceback.extract_tb(error.__traceback__)[-1].line


def test_rows_cannot_be_read() -> None:
    for function in (lambda t: t.x[0], lambda t: sum(t.x), lambda t: len(t), lambda t: [x for x in t.x]):
        assert refused(function).code == "plan.secret"
    assert refused(lambda t: t.x).code == "plan.forbidden"


def test_unknown_columns_and_labels_are_named() -> None:
    assert "x, y, city" in refused(lambda t: t["z"].sum()).hint or "city, x, y" in refused(lambda t: t["z"].sum()).hint
    assert "a, b, c" in refused(lambda t: (t.city == "d").sum()).hint
    with pytest.raises(AttributeError, match="city"):
        ms.program(lambda t: t.z.sum()).simulate(DATA)


def test_policies_are_the_deployments() -> None:
    limits = {"minimum": 10}
    assert refused(lambda t: t.x.max(), limits=limits).code == "plan.forbidden"
    for parties in (1, 3):
        program = ms.program(lambda t: {"few": t.x[t.x < 5].sum(), "many": t.x[t.x < 20].sum(), "all": t.x.sum()})
        result = program.simulate(DATA, limits=limits, parties=parties)
        assert result.few.withheld == "too_few"
        assert result.many.exact == 190 and result.all.exact == 820
        rest = ms.program(lambda t: t.x[t.x > 4].sum()).simulate(DATA, limits=limits, parties=parties)
        assert next(iter(rest.values())).withheld == "too_few", "what is left out is a group, too"


def test_where_and_arithmetic() -> None:
    @ms.program
    def formula(t: ms.Table):
        capped = ms.where(t.x > 30, 30, t.x)
        return {
            "capped": capped.sum(),
            "clipped": t.x.clip(5, 30).sum(),
            "larger": ms.maximum(t.x, t.y).sum(),
            "distance": abs(t.x - t.y).sum(),
            "either": ((t.x > 30) | (t.city == "a")).sum(),
            "some": t.city.isin(["a", "c"]).sum(),
            "scaled": (2 * t.x - 0.5).mean(),
        }

    x, y, city = DATA["x"], DATA["y"], DATA["city"]
    for parties in (1, 3):
        r = formula.simulate(DATA, parties=parties)
        assert float(r.capped) == sum(min(v, 30) for v in x)
        assert float(r.clipped) == sum(min(max(v, 5), 30) for v in x)
        assert float(r.larger) == sum(map(max, x, y))
        assert float(r.distance) == sum(abs(a - b) for a, b in zip(x, y))
        assert float(r.either) == sum(a > 30 or c == "a" for a, c in zip(x, city))
        assert float(r.some) == sum(c in "ac" for c in city)
        assert float(r.scaled) == sum(2 * v - 0.5 for v in x) / 40


def test_predictors_may_not_hide_other_entries() -> None:
    error = refused(lambda t: ms.multiple_regression(t.x, {"y": t.y}))
    assert error.code == "plan.type" and "`y`" in error.cause


def test_numpys_numbers_are_numbers() -> None:
    program = ms.program(lambda t: {"x": t.x.sum(), "side": t.side.sum()})
    arrays = {"x": np.array([1.5, 2.25, np.nan]), "side": np.array([True, False, True])}
    for data in (arrays, {name: list(array) for name, array in arrays.items()}):
        r = program.simulate(data)
        assert (r.x.exact, r.side.exact) == (Decimal("3.75"), 2)


def test_data_sets_are_joined_by_key() -> None:
    people = {"id": [1, 2, 3, 4], "age": [30, 40, 50, 60]}
    accounts = {"id": [4, 2, 9], "balance": [10, 20, 70]}

    @ms.program
    def joined(people: ms.Table, accounts: ms.Table):
        both = people.merge(accounts, on="id")
        return {"n": both.balance.count(), "sum": both.balance.sum(), "age": both.age[both.balance > 15].sum()}

    for parties in (1, 3):
        r = joined.simulate({"people": people, "accounts": accounts}, parties=parties)
        assert (float(r.n), float(r.sum), float(r.age)) == (2, 30, 40)


def test_overflow_is_refused_with_the_reason() -> None:
    schema = {"survey": {"columns": {"x": {"type": "integer", "min": "0", "max": str(2**60)}}, "max_rows": 10**6}}
    with pytest.raises(ms.ProgramError) as caught:
        ms.program(lambda t: (t.x * t.x * t.x).sum()).plan(schema)
    assert caught.value.code == "plan.overflow" and "bits" in caught.value.cause


def test_what_only_the_check_finds_names_the_line() -> None:
    def forbidden(t: ms.Table):
        lowest = t.x.min()  # this one
        return {"mean": t.x.mean(), "lowest": lowest}

    error = refused(forbidden, limits={"minimum": 0, "leaks": []})
    assert error.code == "plan.forbidden" and "lowest = t.x.min()  # this one" in str(error)
    line = forbidden.__code__.co_firstlineno + 1
    assert error.place == f"{__file__}:{line}"

    def unbounded(t: ms.Table):
        return t.x.corr(t.y) + t.x.mean()

    with pytest.raises(ms.ProgramError) as caught:
        ms.program(unbounded).explain(DATA)
    assert caught.value.code == "plan.secret" and "return t.x.corr(t.y) +" in str(caught.value)


def test_equal_programs_have_one_plan() -> None:
    first = ms.program(lambda t: {"m": t.x.mean()}).plan(DATA)
    second = ms.program(lambda t: {"m": t.x.sum() / t.x.count()}).plan(DATA)
    assert json.loads(first)["nodes"] == json.loads(second)["nodes"]


def test_the_command_prints_plans(tmp_path: Path) -> None:
    file, schema = tmp_path / "p.py", tmp_path / "schema.json"
    file.write_text("import mpcstats as ms\n@ms.program\ndef p(t: ms.Table):\n    return {'m': t.x.mean()}\n")
    schema.write_text(json.dumps({"survey": ms.schema_of(DATA)}))
    command = [sys.executable, "-m", "mpcstats", str(file), "--schema", str(schema)]
    plan = subprocess.run([*command, "--plan"], capture_output=True, text=True, check=True).stdout
    assert [output["path"] for output in json.loads(plan)["outputs"]] == [["m"]]
    explained = subprocess.run([*command, "--explain", "--rows", "100"], capture_output=True, text=True, check=True)
    assert "aggregates only" in explained.stdout


def test_results_read_well() -> None:
    result = ms.program(lambda t: {"mean": t.x.mean(), "r": t.x.corr(t.y)}).simulate(DATA)
    assert str(result).startswith("mean  20.5\nr     ")
    assert "<table>" in result._repr_html_()
