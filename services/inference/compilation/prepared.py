"""A copy of a scikit-learn model with what skl2onnx stumbles over put in other words; its predictions stay the same."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from services.inference.runtimes.onnx import MISSING


def prepared(model: Any) -> Any:
    """The model itself where nothing needs a change, else a changed copy."""
    while hasattr(model, "best_estimator_"):  # a search predicts with what it found
        model = model.best_estimator_
    if not any(_needs(part) for part in parts(model)):
        return model
    model = copy.deepcopy(model)
    for part in parts(model):
        if hasattr(part, "flatten_transform"):
            part.flatten_transform = False  # of VotingClassifier.transform, which nobody calls
        if _needs(part):
            part.categories_ = [_named(categories) for categories in part.categories_]
    return model


def _needs(part: Any) -> bool:
    if hasattr(part, "flatten_transform"):
        return bool(part.flatten_transform)
    return any(_with_missing(categories) for categories in getattr(part, "categories_", ()))


def _with_missing(categories: Any) -> bool:
    return categories.dtype.kind == "O" and any(not isinstance(value, str) for value in categories)


def _named(categories: Any) -> Any:
    """Text categories with the missing one called as the runtime calls it."""
    values = [MISSING if value is None or value != value else value for value in categories]
    return np.array(values, dtype="object")


def parts(model: Any) -> Iterator[Any]:
    """A model and all that it is made of."""
    yield model
    named = [
        *getattr(model, "steps", ()),
        *getattr(model, "transformer_list", ()),
        *getattr(model, "transformers_", ()),
    ]
    inner = [step[1] for step in named] or list(np.ravel(np.asarray(getattr(model, "estimators_", ()), dtype=object)))
    for part in inner:
        if hasattr(part, "get_params"):
            yield from parts(part)
