"""Finds the categories that a fitted pipeline accepts, so that a value which would fail is refused with a clear answer."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from services.inference.describing.columns import plain
from services.inference.signature import Scalar


def closed_categories(model: Any, columns: Sequence[str]) -> dict[str, tuple[Scalar, ...]]:
    """Categories by column, for columns that reach an encoder which raises on an unknown value."""
    found: dict[str, tuple[Scalar, ...]] = {}
    for encoder, reached in _encoders(model, list(columns)):
        if getattr(encoder, "handle_unknown", None) != "error":
            continue
        for column, categories in zip(reached, encoder.categories_, strict=False):
            values = tuple(plain(value) for value in categories if value is not None and value == value)
            found[column] = tuple(v for v in values if v in found.get(column, values))
    return {column: values for column, values in found.items() if values}


def _encoders(step: Any, columns: list[str]) -> Iterator[tuple[Any, list[str]]]:
    """Walks Pipelines, unions and ColumnTransformers down to fitted encoders, as long as columns keep their identity."""
    if hasattr(step, "best_estimator_"):
        yield from _encoders(step.best_estimator_, columns)
    elif hasattr(step, "steps"):
        for _, inner in step.steps:
            yield from _encoders(inner, columns)
            if not _keeps_columns(inner):
                return
    elif hasattr(step, "transformers_"):
        for _, inner, selected in step.transformers_:
            yield from _encoders(inner, _selected(selected, columns))
    elif hasattr(step, "transformer_list"):
        for _, inner in step.transformer_list:
            yield from _encoders(inner, columns)
    elif hasattr(step, "categories_"):
        yield step, columns


def _selected(selected: Any, columns: list[str]) -> list[str]:
    """The columns that a ColumnTransformer's selector means: names, positions, a mask, or a slice of either."""
    import pandas as pd

    empty = pd.DataFrame(columns=columns)
    if isinstance(selected, slice):
        named = isinstance(selected.start, str) or isinstance(selected.stop, str)
    else:
        selected = np.atleast_1d(selected)
        named = selected.dtype.kind not in "iub"
        selected = selected.tolist()
    chosen = empty.loc[:, selected] if named else empty.iloc[:, selected]
    return [str(name) for name in chosen.columns]


def _keeps_columns(step: Any) -> bool:
    """Whether column i of the output is still column i of the input (imputers and scalers)."""
    return isinstance(step, str) or type(step).__module__.startswith(("sklearn.impute", "sklearn.preprocessing._data"))
