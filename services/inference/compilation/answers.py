"""A runtime's predictions taken apart for a comparison: the labels, which must be equal, and the numbers, which must be close."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.errors import PlatformError
from services.inference.instances import Row
from services.inference.runtimes import Runtime


@dataclass(frozen=True)
class Answer:
    """One prediction: what must be equal, and its numbers with what they are at least measured by (a probability: 1)."""

    labels: tuple[Any, ...]
    numbers: Any
    units: Any


def answers(runtime: Runtime, rows: Sequence[Row]) -> list[Answer | None]:
    """One answer per row, None where the runtime refuses it; a batch that is refused is halved until the row is found."""
    if not rows:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a model on extreme rows: overflow, log of zero
            predictions = runtime.predict(rows)
    except PlatformError:
        if len(rows) == 1:
            return [None]
        half = len(rows) // 2
        return answers(runtime, rows[:half]) + answers(runtime, rows[half:])
    return [_answer(prediction) for prediction in predictions]


def _answer(prediction: Any) -> Answer:
    parts = list(_parts(prediction))
    numbers = [(value, unit) for value, unit in parts if unit is not None]
    return Answer(
        tuple((type(value), value) for value, unit in parts if unit is None),
        np.array([value for value, _ in numbers], "float64"),
        np.array([unit for _, unit in numbers], "float64"),
    )


def _parts(prediction: Any, unit: float = 0.0) -> Iterator[tuple[Any, float | None]]:
    """Every label (with None) and every number (with its unit), depth first; the names of objects count as labels."""
    if isinstance(prediction, dict):
        for name, value in prediction.items():
            yield name, None
            if name == "label":
                yield value, None
            else:
                yield from _parts(value, 1.0 if name == "probabilities" else unit)
    elif isinstance(prediction, list):
        for value in prediction:
            yield from _parts(value, unit)
    else:
        yield prediction, unit
