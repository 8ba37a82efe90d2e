"""Refuses a scikit-learn model that reads the files which a request names: a vectorizer of `input="filename"`."""

import gc
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from registry.errors import ExportError

_LEADS_NOWHERE = (type, ModuleType, FunctionType)  # to the whole of Python, and to no parameter of a model


def check_reads_no_files(model: Any, name: str) -> None:
    """ExportError if any estimator in the model, however it is held, takes its documents from files."""
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

    for found in _reached(model):
        if isinstance(found, CountVectorizer | HashingVectorizer):
            given = getattr(found, "input", None)
            if type(given) is not str or given != "content":
                raise ExportError(f"{name}: its {type(found).__name__} reads files: it must be of input='content'")


def _reached(model: Any) -> Iterator[Any]:
    """Every object that the model holds: `get_params` tells of none that was fitted."""
    waiting, seen = [model], dict[int, Any]()  # what was seen is kept, or its id could become another's
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, _LEADS_NOWHERE):
            continue
        seen[id(found)] = found
        yield found
        if isinstance(found, np.ndarray) and found.dtype.hasobject:  # which the collector doesn't look into
            waiting.append(found.tolist())
        waiting.extend(gc.get_referents(found))
