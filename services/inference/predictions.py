"""A model's raw arrays to the predictions that a caller reads: labels with probabilities, or finite numbers."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from registry.errors import ModelError
from services.inference.signature import Output, Scalar

Array = Any

_FEW = 32  # numbers: so many Python looks at in less time than NumPy needs to begin


class Labels:
    """Formats class labels, keeping their type (int, str, bool), with a probability per class where there are any."""

    def __init__(self, output: Output) -> None:
        self._keys = [class_key(label) for label in output.labels or ()]
        self._labels = dict(zip(output.classes or (), output.labels or (), strict=True))

    def __call__(self, labels: Array, probabilities: Array | None) -> list[dict[str, Any]]:
        values = [self._labels[value] for value in labels.tolist()]  # some models answer 1.0 for their class 1
        if probabilities is None:
            return [{"label": value} for value in values]
        rows = finite(probabilities).tolist()
        keys = self._keys
        return [
            {"label": value, "probabilities": dict(zip(keys, row, strict=True))}
            for value, row in zip(values, rows, strict=True)
        ]


def scores(output: Output) -> Callable[[Array], list[Any]]:
    """How a network's output is read: one score a class (or one sigmoid, the second of two classes'), or numbers."""
    if output.classes is None:
        return numbers
    labels, classes = Labels(output), np.array(output.classes)

    def classify(values: Array) -> list[Any]:
        values = values.reshape(len(values), -1)
        if values.shape[1] == 1:
            values = np.concatenate([1 - values, values], axis=1)
            return labels(classes[(values[:, 1] > 0.5).astype(int)], values)
        return labels(classes[values.argmax(axis=1)], values)

    return classify


def class_key(label: Scalar) -> str:
    """The name of a class as a JSON object's key: text as it is, anything else as JSON writes it."""
    return label if isinstance(label, str) else json.dumps(label)


def numbers(values: Array) -> list[Any]:
    """One number, or nested list of numbers, per row; a column vector counts as one number."""
    values = finite(values)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    listed: list[Any] = values.tolist()
    return listed


def finite(values: Array) -> Array:
    """The array itself, or ModelError: a NaN or an infinity has no place in JSON."""
    few = values.size <= _FEW
    if not (all(map(math.isfinite, values.ravel().tolist())) if few else np.isfinite(values).all()):
        raise ModelError("The model answered NaN or an infinite number for this input.")
    return values


def together(outputs: Sequence[Sequence[Any]], names: Sequence[str | None]) -> list[Any]:
    """One prediction per row from one list per output: itself, an object by name, or a list."""
    if len(outputs) == 1:
        return list(outputs[0])
    rows = zip(*outputs, strict=True)
    if all(name is not None for name in names):
        return [dict(zip(names, row, strict=True)) for row in rows]
    return [list(row) for row in rows]
