"""Data frames as stored columns, and the schema that fits them."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Mapping, Sequence

from mpcstats.errors import ProgramError

#: Columns have at most this many digits after the dot.
MAX_SCALE = 18


def schema_of(data: Any) -> dict[str, Any]:
    """The narrowest schema that fits a data frame or a dictionary of columns.

    A survey declares its own; this one is for data of your own.
    """
    columns = {str(name): _type_of(str(name), _values(data[name])) for name in _names(data)}
    rows = max((len(_values(data[name])) for name in _names(data)), default=1)
    return {"columns": columns, "max_rows": max(rows, 1)}


def stored_columns(data: Any, columns: Mapping[str, Any]) -> dict[str, list[int | None]]:
    """The integers that stand for the values: numbers times ``10 ** scale``, labels by their index."""
    stored = {}
    for name, declared in columns.items():
        if name not in set(_names(data)):
            raise ProgramError("plan.data", f"the data has no column `{name}`", "check the data against the schema")
        stored[name] = [_store(name, value, declared) for value in _values(data[name])]
    return stored


def _names(data: Any) -> list[Any]:
    return list(data.columns) if hasattr(data, "columns") else list(data)


def _values(column: Any) -> Sequence[Any]:
    if hasattr(column, "tolist"):
        return list(column.tolist())
    # A list may hold numpy's numbers, which are not Python's.
    return [value.item() if hasattr(value, "item") else value for value in column]


def _missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def _type_of(name: str, values: Sequence[Any]) -> dict[str, Any]:
    present = [value for value in values if not _missing(value)]
    declared: dict[str, Any]
    if all(isinstance(value, bool) for value in present) and present:
        declared = {"type": "boolean"}
    elif any(isinstance(value, str) for value in present):
        declared = {"type": "category", "labels": sorted({str(value) for value in present})}
    else:
        numbers = [_decimal(name, value) for value in present] or [Decimal(0)]
        scale = max(max(0, -_exponent(number)) for number in numbers)
        bounds = {"min": _text(min(numbers)), "max": _text(max(numbers))}
        declared = {"type": "integer", **bounds} if scale == 0 else {"type": "decimal", "scale": scale, **bounds}
    if len(present) < len(values):
        declared["nullable"] = True
    return declared


def _decimal(name: str, value: Any) -> Decimal:
    number = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else str(value))
    if not number.is_finite() or _exponent(number) < -MAX_SCALE:
        raise ProgramError(
            "plan.data",
            f"{value!r} in `{name}` is not a decimal number with at most {MAX_SCALE} digits after the dot",
            "round the column",
        )
    return number


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else -MAX_SCALE - 1


def _text(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _store(name: str, value: Any, declared: Mapping[str, Any]) -> int | None:
    if _missing(value):
        return None
    if declared["type"] == "boolean":
        return int(bool(value))
    if declared["type"] == "category":
        try:
            return list(declared["labels"]).index(str(value))
        except ValueError:
            raise ProgramError("plan.data", f"`{value}` is no label of `{name}`", "check the schema") from None
    units = _decimal(name, value).scaleb(declared.get("scale", 0))
    if units != units.to_integral_value():
        raise ProgramError("plan.data", f"{value!r} in `{name}` has too many digits after the dot", "round the column")
    return int(units)
