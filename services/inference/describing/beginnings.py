"""Looks whether a network begins with scaling, before anything that has weights."""

from collections.abc import Iterable, Iterator
from typing import Any

from services.inference.describing.images import SCALING

_WEIGHING = ("Conv2D", "Conv", "DepthwiseConv2dNative", "MatMul", "Gemm")  # TensorFlow's and ONNX's
_FAR = 50  # operations from the input


def keras_scales(model: Any) -> bool:
    """Whether a Keras model scales its input: by layers or by plain arithmetic, its own or of a model inside."""
    for operation in _operations(model):
        if type(operation).__name__ in SCALING:
            return True
        if getattr(operation, "weights", None):
            return False
    return False


def _operations(model: Any) -> Iterator[Any]:
    """What a model does, in its order, models inside it taken apart."""
    parts: Iterable[Any] = getattr(model, "operations", None) or model.layers
    for part in parts:
        if getattr(part, "layers", None):
            yield from _operations(part)
        else:
            yield part


def saved_model_scales(function: Any) -> bool:
    """Whether a SavedModel's serving signature scales its input."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    graph = convert_variables_to_constants_v2(function).graph.as_graph_def()
    starts = [node.name for node in graph.node if node.op == "Placeholder"]
    return graph_scales(
        starts, [(node.op, [put.partition(":")[0] for put in node.input], [node.name]) for node in graph.node]
    )


def graph_scales(starts: Iterable[str], nodes: Iterable[tuple[str, Iterable[str], Iterable[str]]]) -> bool:
    """Whether an operation that scales comes before any with weights; nodes are (operation, inputs, outputs), in any order."""
    waiting: dict[str, list[tuple[str, Iterable[str]]]] = {}
    for operation, inputs, outputs in nodes:
        for name in inputs:
            waiting.setdefault(name, []).append((operation, outputs))
    reached = list(starts)
    for _ in range(_FAR):
        following = [step for name in reached for step in waiting.get(name, ()) if step[0] not in _WEIGHING]
        if any(operation in SCALING for operation, _ in following):
            return True
        reached = [name for _, outputs in following for name in outputs]
    return False
