"""Finds the categories that a fitted pipeline accepts, so that a value which would fail is refused with a clear answer."""

from collections.abc import Iterator
from typing import Any

from services.inference.describing.columns import plain
from services.inference.signature import Scalar


def closed_categories(model: Any) -> dict[str, tuple[Scalar, ...]]:
    """Categories by column, for columns that reach an encoder which raises on an unknown value."""
    found: dict[str, tuple[Scalar, ...]] = {}
    for encoder, columns in _encoders(model, _input_columns(model)):
        if getattr(encoder, "handle_unknown", None) != "error":
            continue
        for column, categories in zip(columns, encoder.categories_, strict=False):
            values = tuple(plain(value) for value in categories if value is not None and value == value)
            found[column] = tuple(v for v in values if v in found.get(column, values))
    return found


def _input_columns(model: Any) -> list[str]:
    names = getattr(model, "feature_names_in_", None)
    return [] if names is None else [str(name) for name in names]


def _encoders(step: Any, columns: list[str]) -> Iterator[tuple[Any, list[str]]]:
    """Walks Pipelines and ColumnTransformers down to fitted encoders, as long as columns keep their identity."""
    if hasattr(step, "steps"):
        for _, inner in step.steps:
            yield from _encoders(inner, columns)
            if not _keeps_columns(inner):
                return
    elif hasattr(step, "transformers_"):
        for _, inner, selected in step.transformers_:
            yield from _encoders(inner, _selected(selected, columns))
    elif hasattr(step, "categories_"):
        yield step, columns


def _selected(selected: Any, columns: list[str]) -> list[str]:
    if isinstance(selected, slice):
        return columns[selected]
    chosen = [selected] if isinstance(selected, str | int) else list(selected)
    if chosen and all(isinstance(c, bool) for c in chosen):
        return [name for name, keep in zip(columns, chosen, strict=True) if keep]
    return [c if isinstance(c, str) else columns[c] for c in chosen]


def _keeps_columns(step: Any) -> bool:
    """Whether column i of the output is still column i of the input (imputers and scalers)."""
    return type(step).__module__.startswith(("sklearn.impute", "sklearn.preprocessing._data"))
