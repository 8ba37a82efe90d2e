"""Converter for SimpleImputer in the type of its input, float64 and text included, which skl2onnx's own can't."""

from typing import Any

import numpy as np

from services.inference.compilation.nodes import Nodes
from services.inference.runtimes.onnx import MISSING


def impute(scope: Any, operator: Any, container: Any) -> None:
    """Each missing value replaced by its column's statistic; missing is NaN, or for text what the runtime sends for null."""
    model, nodes = operator.raw_operator, Nodes(scope, operator, container)
    filled = np.asarray(model.statistics_)
    if model.add_indicator or not _is_nan(model.missing_values) or any(_is_nan(value) for value in filled.tolist()):
        raise ValueError("a SimpleImputer that does more than replace what is missing")
    if nodes.dtype == "string":
        gone = nodes.add("Equal", nodes.x, nodes.constant(np.array([MISSING], dtype="object")))
        constants = filled.astype("object")
    else:
        gone = nodes.add("IsNaN", nodes.x)
        constants = filled.astype(nodes.dtype)
    nodes.add("Where", gone, nodes.constant(constants.reshape(1, -1)), nodes.x, output=nodes.outputs[0])


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def shape(operator: Any) -> None:
    """As many columns as come in, of their type."""
    first = operator.inputs[0].type
    operator.outputs[0].set_type(type(first)([None, len(operator.raw_operator.statistics_)]))
