"""scikit-learn to ONNX with skl2onnx, some of whose converters are replaced by exact ones (`registered.py`)."""

import logging
import re
import warnings
from typing import Any

from services.inference.compilation import NotCompiled, Precision
from services.inference.compilation.boosted import told_of_zeros
from services.inference.compilation.nodes import finish
from services.inference.compilation.outputs import name_inputs, name_outputs
from services.inference.compilation.prepared import parts, prepared
from services.inference.compilation.registered import register
from services.inference.sample import first_line
from services.inference.signature import Signature

OPSETS = {"": 21, "ai.onnx.ml": 3}  # double trees need 3; skl2onnx knows no later one


def convert(model: Any, signature: Signature, precision: Precision) -> bytes:
    """The graph of a fitted estimator or Pipeline; NotCompiled where skl2onnx has no converter for it or fails.

    https://onnx.ai/sklearn-onnx/ has the converters and their options.
    """
    from skl2onnx import convert_sklearn

    register()
    logging.getLogger("skl2onnx").setLevel(logging.ERROR)
    options = {"zipmap": False} if signature.task == "classification" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ready = told_of_zeros(prepared(model), signature)
            types = input_types(ready, signature, precision)
            graph = convert_sklearn(ready, initial_types=types, options=options, target_opset=OPSETS)
        except Exception as error:  # converters raise whatever they stumble over
            raise NotCompiled(_reason(error)) from None
    name_inputs(graph, [name for name, _ in types])
    name_outputs(graph, signature)
    finish(graph)
    serialized: bytes = graph.SerializeToString()
    return serialized


def _reason(error: Exception) -> str:
    text = first_line(error)
    unknown = re.search(r"shape calculator for type '<class '([\w.]+)'>'", text)
    return f"there is no converter for {unknown[1].rpartition('.')[2]}" if unknown else text[:200]


def input_types(model: Any, signature: Signature, precision: Precision) -> list[tuple[str, Any]]:
    """The graph's inputs: one matrix for numbers alone, a column each where there is text or columns go by name."""
    fields = signature.inputs
    if signature.layout != "series" and all(field.dtype != "string" for field in fields) and not _by_name(model):
        return [("X", _type("float64", precision, len(fields)))]
    return [(field.name, _type(field.dtype, precision, 1)) for field in fields]


def _by_name(model: Any) -> bool:
    return any(hasattr(part, "transformers_") for part in parts(model))


def _type(dtype: str, precision: Precision, columns: int) -> Any:
    from skl2onnx.common import data_types

    if dtype == "string":
        return data_types.StringTensorType([None, columns])
    number = data_types.FloatTensorType if precision == "float32" else data_types.DoubleTensorType
    return number([None, columns])
