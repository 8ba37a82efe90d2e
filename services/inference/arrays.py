"""Rows as they arrive in JSON to the arrays and frames that a model takes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

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
            data[name] = np.array(values, dtype=dtype) if dtype else pd.array(values, dtype="str")
        return pd.DataFrame(data)

    return frame


def column_dtype(field: Field) -> str | None:
    """The NumPy dtype of a column, or None for text, which pandas keeps in its own type."""
    if field.dtype == "string":
        return None
    return "object" if field.dtype == "bool" and field.nullable else field.dtype


def _matrix(signature: Signature) -> Assemble:
    dtypes = {field.dtype for field in signature.inputs}
    dtype = "object" if "string" in dtypes else dtypes.pop() if len(dtypes) == 1 else "float64"
    return lambda rows: np.array(rows, dtype=dtype)


def _series(signature: Signature) -> Assemble:
    return lambda rows: [row[0] for row in rows]


def _tensors(signature: Signature) -> Assemble:
    dtypes = [field.dtype if field.dtype != "string" else "object" for field in signature.inputs]

    def tensors(rows: Sequence[Row]) -> list[Any]:
        return [np.array([row[index] for row in rows], dtype=dtype) for index, dtype in enumerate(dtypes)]

    return tensors
