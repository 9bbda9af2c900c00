"""Results: named numbers, each with a bound on its error."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Iterator, Mapping


@dataclass(frozen=True)
class Value:
    """One number of a result."""

    #: The nearest float; ``None`` if it is withheld.
    value: float | None
    #: How far the truth may be from it; 0 where exact.
    error: float = 0.0
    #: Its exact digits, if it has them.
    exact: Decimal | None = None
    #: What it is counted in.
    unit: str | None = None
    #: Why there is none: ``"too_few"`` rows, or ``"undefined"``.
    withheld: str | None = None
    #: The label, of a category's mode; ``value`` is its position in the column's labels.
    label: str | None = None

    def __float__(self) -> float:
        if self.value is None:
            raise ValueError(f"the number is withheld: {self.withheld}")
        return self.value

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.withheld:
            return {"too_few": "withheld: would tell of too few providers", "undefined": "undefined for this data"}[self.withheld]
        if self.label is not None:
            return self.label
        if self.exact is not None:
            return f"{self.exact:f}{unit}"
        return f"{self.value:.10g}{unit}" + (f" ± {self.error:.1e}" if self.error else "")


class Result(Mapping[str, Any]):
    """The numbers of a program's result by name; series and tables are nested."""

    def __init__(self, rows: list[tuple[list[str], Value]]) -> None:
        self._rows = rows

    @classmethod
    def from_json(cls, text: str) -> "Result":
        """Reads what the parties' outputs were decoded to."""
        return cls(cls.rows_of(json.loads(text)))

    @staticmethod
    def rows_of(decoded: list[dict[str, Any]]) -> list[tuple[list[str], Value]]:
        """The rows of a decoded result."""
        rows = []
        for row in decoded:
            exact = Decimal(row["exact"]) if "exact" in row else None
            value = Value(row["value"], row["error"], exact, row.get("unit"), row.get("withheld"), row.get("label"))
            rows.append((row["path"], value))
        return rows

    def __getitem__(self, name: str) -> Any:
        nested = [(path[1:], value) for path, value in self._rows if path and path[0] == name]
        if not nested:
            raise KeyError(name)
        return nested[0][1] if nested[0][0] == [] else Result(nested)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no result {name}; use one of: {', '.join(self)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(path[0] for path, _ in self._rows))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __str__(self) -> str:
        names = [" ".join(path) for path, _ in self._rows]
        width = max(map(len, names), default=0)
        return "\n".join(f"{name:<{width}}  {value}" for name, (_, value) in zip(names, self._rows))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        row = "<tr><th style='text-align:left'>{}</th><td style='text-align:right'>{}</td></tr>"
        rows = (row.format(html.escape(" ".join(path)), html.escape(str(value))) for path, value in self._rows)
        return f"<table>{''.join(rows)}</table>"
