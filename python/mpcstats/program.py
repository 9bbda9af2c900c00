"""Programs: Python functions from which plans are traced."""

from __future__ import annotations

import html
import inspect
import json
from dataclasses import dataclass
from typing import Any, Callable, Mapping

from mpcstats import _native
from mpcstats.data import schema_of, stored_columns
from mpcstats.errors import ProgramError
from mpcstats.result import Result

#: The name of a survey's data set, for programs with one table.
DEFAULT_TABLE = "survey"


def program(function: Callable[..., Any]) -> "Program":
    """Marks a function over tables as a program.

    Each parameter is a :class:`Table`; the function returns a dictionary from names to numbers (or records, lists and
    dictionaries of them).
    """
    return Program(function)


@dataclass(frozen=True)
class Explanation:
    """What a plan does, opens and costs."""

    #: The plan's identity: what a survey lists.
    id: str
    #: What it reveals beyond aggregates.
    leaks: list[str]
    #: The operations, one a line, with what they may reach.
    nodes: list[str]
    #: What the consumer gets, from which the results follow.
    opened: list[str]
    #: Rounds, bytes sent by each party, and seconds, for `rows` rows.
    cost: dict[str, float]

    def __str__(self) -> str:
        lines = [f"plan {self.id}"]
        lines += [f"  {node}" for node in self.nodes]
        lines += ["opens " + ", ".join(self.opened), "reveals " + (", ".join(self.leaks) or "aggregates only")]
        cost = self.cost
        lines.append(
            f"about {cost['rounds']:.0f} rounds, {cost['bytes'] / 1e6:.2f} MB sent by each party and "
            f"{cost['seconds']:.3f} s for {cost['rows']:.0f} rows"
        )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


class Program:
    """A function that describes a computation over tables nobody can read."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    def __repr__(self) -> str:
        return f"<mpcstats.Program {self.__name__}>"

    @property
    def tables(self) -> list[str]:
        """The names of the data sets: of a single one ``survey``, otherwise those of the parameters."""
        parameters = list(inspect.signature(self.function).parameters)
        return [DEFAULT_TABLE] if len(parameters) == 1 else parameters

    def plan(self, schema: Any) -> str:
        """Traces the plan against `schema` (or data that has one) and returns its canonical JSON."""
        return self._trace(schema)[0]

    def _trace(self, schema: Any) -> tuple[str, list[str | None]]:
        """The plan, and the line on which each of its operations was written."""
        tracer = _native.Tracer(self.__name__, json.dumps(self._schema(schema)))
        results = self.function(*(tracer.table(name) for name in self.tables))
        if not isinstance(results, Mapping):
            results = {self.__name__: results}
        for path, value in _flatten(results):
            tracer.output(path, value)
        return tracer.finish(), tracer.places()

    def explain(self, schema: Any, rows: int | None = None, limits: Mapping[str, Any] | None = None) -> Explanation:
        """What the plan does, opens, reveals and costs for `rows` rows."""
        schema = self._schema(schema)
        plan, places = self._trace(schema)
        try:
            explained = _native.explain(plan, json.dumps(schema), _json(limits), rows)
        except ProgramError as error:
            raise error.located(places) from None
        return Explanation(**json.loads(explained))

    def simulate(
        self,
        data: Any,
        parties: int = 1,
        schema: Any = None,
        limits: Mapping[str, Any] | None = None,
    ) -> Result:
        """Runs the program on data of your own.

        `data` is a data frame (or a dictionary of columns); for a program of several tables a dictionary of these.
        With ``parties=3`` three parties run the real protocol in this process. `limits` are those of a survey's policy,
        such as ``{"minimum": 10, "leaks": ["extremes"]}``; without them everything may be revealed.
        """
        schema = self._schema(data if schema is None else schema)
        frames = self._by_table(data)
        stored = {
            name: stored_columns(frames[name], table["columns"])
            for name, table in schema.items()
            if name in frames
        }
        plan, places = self._trace(schema)
        try:
            result = _native.simulate(plan, json.dumps(schema), stored, _json(limits), parties)
        except ProgramError as error:
            raise error.located(places) from None
        return Result.from_json(result)

    def _by_table(self, data: Any) -> dict[str, Any]:
        if len(self.tables) == 1 and not (isinstance(data, Mapping) and self.tables[0] in data):
            return {self.tables[0]: data}
        return dict(data)

    def _schema(self, given: Any) -> dict[str, Any]:
        if isinstance(given, str):
            given = json.loads(given)
        return {
            name: table if isinstance(table, Mapping) and "columns" in table else schema_of(table)
            for name, table in self._by_table(given).items()
        }


def _json(limits: Mapping[str, Any] | None) -> str | None:
    return None if limits is None else json.dumps(limits)


def _flatten(results: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[list[str], Any]]:
    flat: list[tuple[list[str], Any]] = []
    for name, value in results.items():
        here = (*path, str(name))
        if isinstance(value, (list, tuple)):
            value = {str(position): item for position, item in enumerate(value)}
        if isinstance(value, Mapping):
            flat += _flatten(value, here)
        else:
            flat.append((list(here), value))
    return flat
