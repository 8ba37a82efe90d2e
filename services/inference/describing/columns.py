"""Describes the columns of a sample table, and the columns that a numeric model names or counts."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from registry.errors import ExportError
from services.inference.signature import Dtype, Field, Scalar

_KEPT = {"float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"}
_SEEN = 20  # values of a text column that the document shows


def describe_column(name: str, values: Any) -> Field:
    """The field that a pandas Series amounts to: dtype, nullability, what was seen."""
    missing = bool(values.isna().any())
    present = values.dropna()
    dtype = _dtype(name, values.dtype, present)
    if missing and dtype.startswith(("int", "uint")):
        dtype = "float64"  # only a float can be NaN
    if dtype in ("string", "bool"):
        seen = tuple(sorted({plain(value) for value in present.unique()[: _SEEN + 1]}, key=str))[:_SEEN]
        return Field(name=name, dtype=dtype, nullable=missing, seen=seen if dtype == "string" else None)
    numbers = [float(value) for value in present]
    if not all(map(math.isfinite, numbers)):
        raise ExportError(f"sample column `{name}` holds an infinite number, which JSON can't carry")
    low, high = (min(numbers), max(numbers)) if numbers else (None, None)
    return Field(name=name, dtype=dtype, nullable=missing, minimum=low, maximum=high)


def _dtype(name: str, dtype: Any, present: Any) -> Dtype:
    text = str(dtype).lower()
    if text in _KEPT:
        return text  # type: ignore[return-value]
    kinds = {type(value) for value in present.head(1000)}
    if kinds <= {bool, np.bool_} and kinds:
        return "bool"
    if kinds and all(issubclass(kind, str) for kind in kinds):
        return "string"
    if text.startswith(("uint", "int")) or kinds <= {int, float}:
        return "int64" if kinds <= {int} and text != "object" else "float64"
    raise ExportError(f"sample column `{name}` has the type {dtype}, which JSON can't carry; make it numbers or text")


def describe_numbers(names: Sequence[str], dtype: Dtype = "float64") -> tuple[Field, ...]:
    """Fields of a numeric model whose columns are known by name only."""
    return tuple(Field(name=name, dtype=dtype) for name in names)


def plain(value: Any) -> Scalar:
    """A NumPy scalar as the Python value that JSON writes."""
    item: Scalar = value.item() if isinstance(value, np.generic) else value
    return item


def rows_of_frame(frame: Any, fields: Sequence[Field]) -> list[tuple[Any, ...]]:
    """The rows of a DataFrame as JSON would carry them: None for what is missing, Python scalars."""
    columns = []
    for field in fields:
        series = frame[field.name]
        missing = series.isna()
        convert = float if field.dtype.startswith("float") else plain
        pairs = zip(series.tolist(), missing.tolist(), strict=True)
        columns.append([None if gone else convert(value) for value, gone in pairs])
    return list(zip(*columns, strict=True))
