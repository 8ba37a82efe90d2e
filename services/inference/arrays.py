"""Rows as they arrive in JSON to the arrays and frames that a model takes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from registry.errors import InvalidInput
from services.inference.instances import Row
from services.inference.signature import Field, Signature

Assemble = Callable[[Sequence[Row]], Any]


def assembler(signature: Signature) -> Assemble:
    """The function that lays rows out as the model wants them: frame, matrix, series or list of tensors."""
    return {"frame": _frame, "matrix": _matrix, "series": _series, "tensors": _tensors}[signature.layout](signature)


def _frame(signature: Signature) -> Assemble:
    import pandas as pd

    columns = [(field.name, column_dtype(field)) for field in signature.inputs]

    def frame(rows: Sequence[Row]) -> Any:
        data = {}
        for (name, dtype), values in zip(columns, zip(*rows, strict=True), strict=True):
            data[name] = _column(values, dtype) if dtype else pd.array(values, dtype="str")
        return pd.DataFrame(data)

    return frame


def _column(values: Sequence[Any], dtype: str) -> Any:
    """One array; what is missing is NaN even among objects, as it is in a table that pandas read."""
    return np.array([np.nan if value is None else value for value in values] if dtype == "object" else values, dtype)


def column_dtype(field: Field) -> str | None:
    """The NumPy dtype of a column, or None for text, which pandas keeps in its own type."""
    if field.dtype == "string":
        return None
    return "object" if field.dtype == "bool" and field.nullable else field.dtype


def _matrix(signature: Signature) -> Assemble:
    dtypes = {column_dtype(field) for field in signature.inputs}
    if None in dtypes:
        return lambda rows: np.array([_column(row, "object") for row in rows], dtype="object")
    dtype = dtypes.pop() if len(dtypes) == 1 and "object" not in dtypes else "float64"
    return lambda rows: np.array(rows, dtype=dtype)


def _series(signature: Signature) -> Assemble:
    return lambda rows: [row[0] for row in rows]


def _tensors(signature: Signature) -> Assemble:
    return lambda rows: [_tensor(field, [row[index] for row in rows]) for index, field in enumerate(signature.inputs)]


def _tensor(field: Field, values: list[Any]) -> Any:
    try:
        array = np.array(values, dtype="object" if field.dtype == "string" else field.dtype)
    except ValueError:  # ragged numbers; ragged text becomes an array of lists
        array = None
    if array is None or array.ndim != 1 + len(field.shape):
        raise InvalidInput(f"The lists of `{field.name}` need the same lengths within one request.")
    return array
