"""The rows that a compiled model is proved on: the sample, and what a caller may send that no sample holds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from services.inference.compilation.values import draw, extremes
from services.inference.instances import Row
from services.inference.signature import Field, Signature

Splits = Mapping[int, Sequence[float]]  # a column's position to the values at which trees turn

_SPLITS = 300  # that are tried, over all columns and each with its neighbours; a forest has tens of thousands
_DRAWN = 400
_FEWEST, _NUMBERS = 16, 1_000_000  # drawn rows of large tensors: fewer, for they are lists of Python's numbers


def proof_rows(signature: Signature, sample: Sequence[Row], splits: Splits | None = None) -> list[Row]:
    """The sample's rows, then generated ones, all of which fit the signature; the same rows each time.

    One column at a time goes to its extremes (seen, possible, zero, missing) and to both sides of each split, the other
    columns as in a row of the sample; then whole rows are drawn, each column for itself.
    """
    generator = np.random.default_rng(0)
    columns = list(zip(signature.inputs, zip(*sample, strict=True), strict=True))
    rows = [tuple(row) for row in sample]
    for index, (field, seen) in enumerate(columns):
        near = _near((splits or {}).get(index, ()), field, max(_SPLITS // len(columns), 10), generator)
        for value in dict.fromkeys([*extremes(field, seen), *near]):
            base = rows[int(generator.integers(len(sample)))]
            rows.append((*base[:index], value, *base[index + 1 :]))
    count = min(_DRAWN, max(_FEWEST, _NUMBERS // sum(np.size(value) for value in sample[0])))
    drawn = [[draw(field, seen, generator) for _ in range(count)] for field, seen in columns]
    return [*rows, *zip(*drawn, strict=True)]


def _near(splits: Sequence[float], field: Field, most: int, generator: np.random.Generator) -> Iterable[Any]:
    """Values on both sides of some of the splits, as far as the field takes them."""
    if field.shape or field.categories is not None or field.dtype in ("bool", "string"):
        return []
    some = np.unique(np.asarray(splits, "float64"))
    some = generator.choice(some, most, replace=False) if len(some) > most else some
    near = [value for split in some[np.isfinite(some)] for value in neighbours(float(split))]
    if field.integer_range is not None:
        low, high = field.integer_range
        whole = [side for value in near for side in (math.floor(value), math.ceil(value))]
        return [value for value in whole if low <= value <= high]
    limit = math.inf if field.float_limit is None else field.float_limit
    return [value for value in near if abs(value) <= limit]


def neighbours(split: float) -> list[float]:
    """Where comparing with a split can go wrong: one ulp around it in float64, around its neighbours in float32, and
    around the middles between these, where rounding to float32 turns from one to the other."""
    with np.errstate(over="ignore"):
        single = np.float32(split)
        singles = [float(np.nextafter(single, np.float32(side))) for side in (-np.inf, single, np.inf)]
    middles = [(singles[0] + singles[1]) / 2, (singles[1] + singles[2]) / 2]
    turns = [value for value in (split, *singles, *middles) if math.isfinite(value)]
    return [
        near for value in turns for near in (math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf))
    ]
