"""Converter for linear classifiers without probabilities, which skl2onnx lacks (LinearSVC) or has in float32 only."""

from typing import Any

import numpy as np

from services.inference.compilation.nodes import Nodes


def decide(scope: Any, operator: Any, container: Any) -> None:
    """The class of the highest score, or the second of two where the one score is above zero; computed in float64."""
    model, nodes = operator.raw_operator, Nodes(scope, operator, container)
    if np.ndim(model.classes_[0]) or len(model.classes_) != max(len(np.atleast_2d(model.coef_)), 2):
        raise ValueError("a linear classifier of several labels a row")
    weights = nodes.constant(np.atleast_2d(model.coef_).T.astype("float64"))
    bias = nodes.constant(np.broadcast_to(np.asarray(model.intercept_, "float64"), len(np.atleast_2d(model.coef_))))
    product = nodes.add("MatMul", nodes.x_as("float64"), weights)
    scores = nodes.add("Add", product, bias, output=nodes.outputs[1])
    if len(model.classes_) > 2:
        nodes.label(model, nodes.add("ArgMax", scores, axis=1, keepdims=0))
        return
    flat = nodes.add("Squeeze", scores, nodes.constant(np.array([1])))
    nodes.label(model, nodes.cast(nodes.add("Greater", flat, nodes.constant(np.float64(0))), "int64"))
