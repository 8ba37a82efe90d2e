"""TensorFlow operations that tf2onnx lacks, or converts to something that differs on what TensorFlow refuses."""

from collections.abc import Callable
from typing import Any

import numpy as np

Handler = Callable[[Any, Any, str, Any], None]  # tf2onnx's graph and node, the node's name, arguments that we don't use


def handlers() -> dict[str, tuple[Handler, list[Any]]]:
    """By operation, as `custom_op_handlers` of tf2onnx takes them."""
    return {"Erfc": (_erfc, []), "GatherV2": (_gather, [])}


def _erfc(context: Any, node: Any, _name: str, _arguments: Any) -> None:
    """The complementary error function of an exact GELU: erfc(x) = 1 - erf(x)."""
    from tf2onnx.utils import map_onnx_to_numpy_type

    source, outputs = node.input[0], node.output
    dtype, shape = context.get_dtype(outputs[0]), context.get_shape(outputs[0])
    context.remove_node(node.name)
    erf = context.make_node("Erf", [source], dtypes=[dtype], shapes=[shape])
    one = _constant(context, 1, map_onnx_to_numpy_type(dtype))
    context.make_node("Sub", [one, erf.output[0]], outputs=outputs, dtypes=[dtype], shapes=[shape])


def _gather(context: Any, node: Any, _name: str, _arguments: Any) -> None:
    """A look-up in constants, an Embedding: ONNX counts a negative index from the end, TensorFlow fails on it.

    A negative index becomes the first one beyond the end, on which ONNX Runtime fails too.
    """
    from tf2onnx.onnx_opset.tensor import GatherV2
    from tf2onnx.utils import map_onnx_to_numpy_type

    table, index, axis = node.inputs
    if table.is_const() and axis.is_const() and not index.is_const():
        kind = map_onnx_to_numpy_type(context.get_dtype(node.input[1]))
        size = table.get_tensor_value(as_list=False).shape[int(axis.get_tensor_value())]
        negative = context.make_node("Less", [node.input[1], _constant(context, 0, kind)])
        chosen = [negative.output[0], _constant(context, size, kind), node.input[1]]
        context.replace_input(node, node.input[1], context.make_node("Where", chosen).output[0], 1)
    GatherV2.version_12(context, node)


def _constant(context: Any, value: int, kind: Any) -> str:
    from tf2onnx.utils import make_name

    name: str = context.make_const(make_name("constant"), np.array(value, kind)).output[0]
    return name
