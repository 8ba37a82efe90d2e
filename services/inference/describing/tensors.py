"""The signature of a model that takes tensors and answers tensors, whichever framework it is of."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from registry.errors import ExportError
from services.inference.describing import Description
from services.inference.sample import row_count
from services.inference.signature import Dtype, Field, Output, Signature

_REPLAYED, _IMAGES = 32, 4
_GENERATED = 4
_FREE = 8  # rows generated without a sample give a free dimension this length

RawOutput = tuple[str | None, tuple[int | None, ...], str | None]  # name, shape of one row, activation


def describe_tensors(
    inputs: tuple[Field, ...], raw: Sequence[RawOutput], sample: Any | None, classes: Sequence[str] | None
) -> Description:
    """The description of a model by its inputs and outputs: a softmax or one sigmoid at its end means classes."""
    outputs = tuple(tensor_output(name, shape, activation, classes) for name, shape, activation in raw)
    if classes and all(output.classes is None for output in outputs):
        raise ExportError(f"`--classes` gives {len(classes)} names, but no output of the model has that many classes")
    if classes and len(set(classes)) < len(classes):
        raise ExportError("`--classes` gives the same name to two classes")
    arrays = tensor_arrays(inputs, sample)
    rows = list(zip(*(array.tolist() for array in arrays), strict=True))
    task = "classification" if any(output.classes for output in outputs) else "regression"
    example = dict(zip((field.name for field in inputs), rows[0], strict=True))
    signature = Signature(inputs=inputs, layout="tensors", task=task, outputs=outputs, example=example)
    return Description(signature, rows, arrays)


def tensor_field(name: str, dtype: str, shape: Sequence[int | None]) -> Field:
    """The field of an input tensor, whose first dimension is the row; ExportError for a type that JSON can't carry."""
    names: dict[str, Dtype] = {"float32": "float32", "float64": "float64", "float16": "float16", "bool": "bool"}
    names |= {
        "int64": "int64",
        "int32": "int32",
        "int16": "int16",
        "int8": "int8",
        "uint8": "uint8",
        "string": "string",
    }
    if dtype not in names:
        raise ExportError(f"input `{name}` has the type {dtype}, which JSON can't carry")
    return Field(name=name, dtype=names[dtype], shape=tuple(shape[1:]))


def tensor_output(
    name: str | None, shape: tuple[int | None, ...], activation: str | None, names: Sequence[str] | None
) -> Output:
    """An output of numbers; of classes, where its shape and its activation or the given names say so."""
    width = shape[0] if len(shape) == 1 else None
    binary = width == 1 and (activation == "sigmoid" or (names is not None and len(names) == 2))
    several = (
        width is not None and width > 1 and (activation == "softmax" or (names is not None and len(names) == width))
    )
    if not binary and not several:
        return Output(name=name, shape=() if shape == (1,) else shape)
    count = 2 if binary else int(width or 0)
    if names is not None and len(names) != count:
        raise ExportError(f"`--classes` gives {len(names)} names, the model has {count} classes")
    return Output(name=name, classes=tuple(range(count)), names=tuple(names) if names else None, probabilities=True)


def tensor_arrays(fields: tuple[Field, ...], sample: Any | None) -> list[Any]:
    """One array for each input with the sample's first rows, or generated ones; ExportError when the sample doesn't fit."""
    arrays = _generated(fields) if sample is None else _of_sample(fields, sample)
    if len({len(values) for values in arrays}) > 1:
        raise ExportError("the sample gives the inputs different numbers of rows")
    for field, values in zip(fields, arrays, strict=True):
        if not _fits(values.shape[1:], field.shape):
            raise ExportError(
                f"the sample gives input `{field.name}` the shape {values.shape[1:]}, it takes {field.shape}"
            )
    most = _IMAGES if any(field.pixels for field in fields) else _REPLAYED
    return [array[:most] for array in arrays]


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(w is None or w == s for s, w in zip(shape, wanted, strict=True))


def _generated(fields: tuple[Field, ...]) -> list[Any]:
    """Rows for the replay when there is no sample: uniform numbers, zeros for integers whose range isn't known, text."""
    generator = np.random.default_rng(0)
    arrays = []
    for field in fields:
        shape = (_GENERATED, *(_FREE if size is None else size for size in field.shape))
        if field.dtype == "string":
            arrays.append(np.full(shape, "text", dtype=object))
        elif field.dtype.startswith("float"):
            arrays.append(np.round(generator.random(shape), 3).astype(field.dtype))
        else:
            largest = 255 if field.pixels else int(field.largest or 0)
            arrays.append(generator.integers(0, largest, shape, field.dtype, endpoint=True))
    return arrays


def _of_sample(fields: tuple[Field, ...], sample: Any) -> list[Any]:
    if isinstance(sample, dict):
        missing = [field.name for field in fields if field.name not in sample]
        if missing:
            raise ExportError(f"the sample lacks the inputs {', '.join(missing)}")
        return [_cast(field, np.asarray(sample[field.name])) for field in fields]
    if len(fields) > 1:
        names = ", ".join(field.name for field in fields)
        raise ExportError(
            f"the model has several inputs ({names}): give a .npz or .json sample with one array for each"
        )
    values = sample if isinstance(sample, np.ndarray) else sample.to_numpy()
    return [_cast(fields[0], values.reshape(row_count(sample), *values.shape[1:]))]


def _cast(field: Field, values: Any) -> Any:
    if field.dtype == "string":
        return values.astype("object")
    try:
        with np.errstate(all="ignore"):
            cast = values.astype(field.dtype)
        exact = field.dtype.startswith("float") or bool((cast == values).all())
    except (ValueError, TypeError):
        exact = False
    if not exact or not np.isfinite(cast).all():
        raise ExportError(f"the sample's values for input `{field.name}` are not {field.dtype}, or not finite")
    return cast
