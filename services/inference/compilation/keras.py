"""Keras models and SavedModels to ONNX: the traced graph, frozen, through tf2onnx.

Freezing first (TensorFlow's `convert_variables_to_constants_v2`) makes constants of variables and of the plain tensors
that layers like Normalization hold; Keras's own ONNX export leaves the latter behind as inputs that nobody feeds.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from services.inference.compilation import NotCompiled, OtherPrecision, Precision
from services.inference.compilation.keras_operations import handlers
from services.inference.runtimes.keras import trace
from services.inference.sample import first_line
from services.inference.signature import Signature


def convert(model: Any, signature: Signature, precision: Precision) -> bytes:
    """The ONNX graph of a loaded Keras model or SavedModel in the precision that its own weights have.

    Inputs are `input_0`, `input_1`, … in the signature's order, outputs `output_0`, … in the model's, each with a free
    first dimension. NotCompiled for the other precision, and for what tf2onnx has no ONNX operators for.
    """
    traced = trace(model, signature)
    if (own := _precision(traced)) != precision:
        raise OtherPrecision(f"the network computes in {own}")
    try:
        with _silence():
            graph = _converted(traced)
    except Exception as error:  # tf2onnx raises anything from AssertionError to ValueError
        raise NotCompiled(f"tf2onnx can't convert this network: {first_line(error)}") from error
    if unknown := sorted(set(_unknown(graph.graph))):
        raise NotCompiled(f"ONNX has nothing for the TensorFlow operations {', '.join(unknown)}")
    return bytes(graph.SerializeToString())


def _precision(traced: Any) -> Precision:
    wide = any(held.dtype.name == "float64" for held in [*traced.variables, *traced.outputs])
    return "float64" if wide else "float32"


def _converted(traced: Any) -> Any:
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    # Loops stay whole: only so does tf2onnx recognise an LSTM as one operator.
    frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    inputs = [tensor.name for tensor in frozen.inputs]
    outputs = [tensor.name for tensor in frozen.outputs]
    names = {tensor: f"input_{index}" for index, tensor in enumerate(inputs)}
    names |= {tensor: f"output_{index}" for index, tensor in enumerate(outputs)}
    graph, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        input_names=inputs,
        output_names=outputs,
        tensors_to_rename=names,
        custom_op_handlers=handlers(),
    )
    return graph


def _unknown(graph: Any) -> Iterator[str]:
    """The operations of a graph, and of the loops in it, that tf2onnx left as TensorFlow's own."""
    import onnx

    for node in graph.node:
        if not onnx.defs.has(node.op_type, node.domain):
            yield node.op_type
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _unknown(attribute.g)


@contextmanager
def _silence() -> Iterator[None]:
    """tf2onnx and TensorFlow log pages about their own deprecations; what matters is raised or found in the graph."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
