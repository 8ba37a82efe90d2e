"""Asks a network for the highest integer that it takes, so that an index beyond its embedding is a 400 and no 500."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from services.inference.signature import Field

Runs = Callable[[Sequence[Any]], bool]  # whether the network answers one array per input


def limit_indices(fields: Sequence[Field], arrays: Sequence[Any], runs: Runs) -> tuple[Field, ...]:
    """The fields, with `largest` on the integer inputs whose high values the network fails on.

    Fills the first row of the arrays with a value and bisects: at most 65 calls an input, one where there is no limit.
    """
    row, limited = [array[:1] for array in arrays], list(fields)
    for index, field in enumerate(fields):
        if field.integer_range is not None:
            good = _highest(index, row, field.integer_range[1], runs)
            limited[index] = field if good is None else field.model_copy(update={"largest": float(good)})
    return tuple(limited)


def _highest(index: int, row: list[Any], top: int, runs: Runs) -> int | None:
    """The highest value that the input at `index` takes, or None when it is the highest of all, or not even zero is."""

    def takes(value: int) -> bool:
        return runs([*row[:index], np.full_like(row[index], value), *row[index + 1 :]])

    if takes(top) or not takes(0):
        return None
    good, bad = 0, top
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if takes(middle) else (good, middle)
    return good
