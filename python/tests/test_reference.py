"""The reference in the documentation is the package's, names everything, and its examples run."""

import ast
import inspect
import json
import sys
import types
from pathlib import Path
from typing import Any

import mpcstats as ms
import pytest
from mpcstats import _native

sys.path.insert(0, str(Path(__file__).parent.parent))

import reference  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs/src/python-reference.md"


def test_the_page_is_printed_from_the_package() -> None:
    assert PAGE.read_text() == reference.page(), "print it again: python3 python/reference.py > docs/src/python-reference.md"


def test_every_public_name_is_in_a_section() -> None:
    listed = {name for _, _, names in reference.SECTIONS for name in names or []} | set(reference.statistics())
    assert set(ms.__all__) == listed
    modules = [name for name in ms.__all__ if isinstance(getattr(ms, name), types.ModuleType)]
    assert not modules, "modules are no names of the package"


def test_every_statistic_is_explained() -> None:
    """With formula, source, leak, error and rounds: a row in a table of the page on statistics."""
    rows = [line for line in PAGE.with_name("statistics.md").read_text().splitlines() if line.startswith("| ")]
    assert all(row.replace("\\|", "").count("|") == 7 for row in rows if "`" in row), "six cells a row"
    for name in reference.statistics():
        assert any(f"`{name}" in row or f"`ms.{name}" in row for row in rows), name


def test_the_stubs_are_those_of_the_native_part() -> None:
    public = {name for name in dir(_native) if not name.startswith("_")}
    stubs = {node.name for node in reference.STUBS.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert public == stubs
    for node in reference.STUBS.body:
        if isinstance(node, ast.ClassDef):
            holder = getattr(_native, node.name)
            ours = {name for name in vars(holder) if not name.startswith("_")}
            declared = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
            declared |= {member.target.id for member in node.body if isinstance(member, ast.AnnAssign)}
            assert ours == {name for name in declared if not name.startswith("_")}, node.name
            # Python looks attributes up in a slot that has no name.
            for name in declared - {"__getattr__"}:
                assert hasattr(holder, name), f"{node.name}.{name}"
                parameters(getattr(holder, name), reference.stubs_of(node.body, name))
        elif isinstance(node, ast.FunctionDef):
            parameters(getattr(_native, node.name), reference.stubs_of(reference.STUBS.body, node.name))


def parameters(native: Any, stubs: list[ast.FunctionDef]) -> None:
    """The stubs name the parameters of the native function, in order, and say which may be left out."""
    name = getattr(native, "__name__", "")
    if name.startswith("__") or not stubs or not getattr(native, "__text_signature__", None):
        return
    ours = inspect.signature(native).parameters
    for node in stubs:
        assert [argument.arg for argument in node.args.args] == list(ours), name
        optional = [parameter for parameter in ours.values() if parameter.default is not inspect.Parameter.empty]
        if len(stubs) == 1:
            assert len(node.args.defaults) == len(optional), name


@pytest.mark.parametrize("name", [name for name in reference.EXAMPLES if name != "Table.merge"])
def test_examples_of_programs_run(name: str) -> None:
    def example(t: ms.Table) -> dict[str, Any]:
        return {"result": eval(reference.EXAMPLES[name], {"ms": ms, "t": t})}

    result = ms.program(example).simulate(reference.DATA)
    assert len(result) and "result" in str(result)


def test_the_example_of_a_join_runs() -> None:
    def example(people: ms.Table, accounts: ms.Table) -> dict[str, Any]:
        return {"result": eval(reference.EXAMPLES["Table.merge"], {"people": people, "accounts": accounts})}

    data = {"people": {"id": [1, 2, 3]}, "accounts": {"id": [3, 1], "balance": [10, 20]}}
    assert float(ms.program(example).simulate(data).result) == 30


@pytest.mark.parametrize("name", reference.STATEMENTS)
def test_other_examples_run(name: str) -> None:
    text = reference.STATEMENTS[name]
    program = compile(text, name, "exec")
    if "client" not in text:
        names = {"ms": ms, "json": json, "frame": reference.DATA}
        exec(reference.RUN, names)
        exec(program, names)
