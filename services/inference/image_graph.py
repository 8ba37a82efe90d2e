"""Lets an ONNX graph of images take bytes: (height, width, channels) in, scaled and turned inside the graph."""

from typing import Any, get_args

from registry.errors import ExportError
from services.inference.describing.beginnings import graph_scales
from services.inference.describing.images import CHANNELS, check_shape, remark
from services.inference.signature import Pixels

INPUT = "image"
_STEPS: dict[Pixels, list[tuple[str, float]]] = {
    "0..255": [],
    "0..1": [("Div", 255.0)],
    "-1..1": [("Div", 127.5), ("Sub", 1.0)],
}
assert set(_STEPS) == set(get_args(Pixels))


def take_bytes(model: Any, asked: Pixels | None) -> str:
    """Put a new input before the graph's own, and say what its bytes become; ExportError for a graph that takes no image."""
    from onnx import TensorProto, helper

    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [put for put in graph.input if put.name not in constants]
    if len(inputs) != 1:
        raise ExportError(f"`--input image` is for models with one input, this one has {len(inputs)}")
    put = inputs[0]
    kind, (rows, *shape) = put.type.tensor_type.elem_type, _dimensions(put)
    first = len(shape) == 3 and shape[0] in CHANNELS and shape[2] not in CHANNELS
    shape = [*shape[1:], shape[0]] if first else shape
    check_shape(shape, TensorProto.DataType.Name(kind).lower())
    floats = kind in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
    pixels: Pixels = asked or ("0..255" if not floats or _scales(graph, put.name) else "0..1")
    nodes, name = [helper.make_node("Cast", [INPUT], ["image_numbers"], to=TensorProto.FLOAT)], "image_numbers"
    for operation, number in _STEPS[pixels]:
        constant = f"image_{operation.lower()}_by"
        graph.initializer.append(helper.make_tensor(constant, TensorProto.FLOAT, [], [number]))
        nodes.append(helper.make_node(operation, [name, constant], [f"image_{operation.lower()}"]))
        name = nodes[-1].output[0]
    nodes.append(helper.make_node("Cast", [name], ["image_cast"], to=kind))
    order = [0, 3, 1, 2] if first else [0, 1, 2, 3]
    nodes.append(helper.make_node("Transpose", ["image_cast"], [put.name], perm=order))
    graph.input.remove(put)
    graph.input.insert(0, helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [rows or "rows", *shape]))
    for node in reversed(nodes):
        graph.node.insert(0, node)
    return remark(pixels, asked)


def _dimensions(put: Any) -> list[int | None]:
    """The shape of a graph's input; None for what is free."""
    found = [size.dim_value or None for size in put.type.tensor_type.shape.dim]
    if not found:
        raise ExportError(f"the model takes no image: its input `{put.name}` has no shape")
    return found


def _scales(graph: Any, start: str) -> bool:
    return graph_scales([start], [(node.op_type, node.input, node.output) for node in graph.node])
