"""Values that one input may be sent: its extremes, and random ones that look like the sample's."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from services.inference.signature import Field

BEYOND_SINGLE = 1e39  # finite as JSON and float64 have it, infinite in float32; its square is still finite
TEXTS = (
    "",
    " ",
    "modelport",
    "MODELPORT modelport",
    "Don't stop",
    "crème-brûlée, 2 €",
    "ÀÉÎÕÜ ß İ",
    "a_b-c.d 1 22 333",
    "  two   spaces\tand\nlines ",
    "日本語 テキスト",
    "nan",
)


def extremes(field: Field, seen: Sequence[Any]) -> list[Any]:
    """The outermost of what a field takes: each category, the ends of its range, strange text, nothing at all."""
    if field.shape:
        return []
    missing = [None] if field.nullable else []
    if field.categories is not None:
        return [*field.categories, *missing]
    if field.dtype == "bool":
        return [True, False, *missing]
    if field.dtype == "string":
        return [*TEXTS, *missing]
    present = [value for value in seen if value is not None] or [0]
    if field.integer_range is not None:
        return [min(present), max(present), 0, *field.integer_range, *missing]
    limit = min(field.float_limit or BEYOND_SINGLE, BEYOND_SINGLE)
    return [min(present), max(present), 0.0, 1e-40, 1e6, -1e6, limit, -limit, *missing]


def draw(field: Field, seen: Sequence[Any], generator: np.random.Generator) -> Any:
    """A random value that the field takes, in and around the range of what was seen."""
    if field.nullable and generator.random() < 0.1:
        return None
    present = [value for value in seen if value is not None]
    if field.categories is not None:
        return _pick(field.categories, generator)
    if field.shape:
        return _tensor(np.asarray(_pick(present, generator)), field, generator)
    if field.dtype == "bool":
        return bool(generator.integers(2))
    if field.dtype == "string":
        return _text(present or [""], generator)
    return _number(field, present or [0, 1], generator)


def _pick(values: Sequence[Any], generator: np.random.Generator) -> Any:
    return values[int(generator.integers(len(values)))]


def _number(field: Field, present: Sequence[Any], generator: np.random.Generator) -> Any:
    low, high = min(present), max(present)
    if field.integer_range is not None:
        return int(generator.integers(low, high, endpoint=True))
    if generator.random() < 0.3:
        return _pick(present, generator)
    spread = (high - low) / 2 or 1.0
    limit = field.float_limit or np.inf
    return float(np.clip(generator.uniform(low - spread, high + spread), -limit, limit))


def _text(present: Sequence[str], generator: np.random.Generator) -> str:
    """A value as it was seen, or words of two of them, mixed; now and then in other letters."""
    value: str = _pick(present, generator)
    chance = generator.random()
    if chance < 0.5:
        return value
    if chance < 0.6:
        return value.upper()
    words = np.array([*value.split(), *_pick(present, generator).split()], dtype="object")
    separator: str = _pick((" ", ", ", "-", " "), generator)
    return separator.join(generator.permutation(words))


def _tensor(value: Any, field: Field, generator: np.random.Generator) -> Any:
    """A tensor of the sample with its numbers in another order, floats stretched and shifted too."""
    mixed = generator.permutation(value.ravel()).reshape(value.shape)
    if field.dtype.startswith("float"):
        mixed = mixed * generator.uniform(0, 2) + generator.normal() * np.std(mixed) * 0.1
    return mixed.tolist()
