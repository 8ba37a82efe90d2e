"""Reads `.onnx` files that come from anywhere: says in one line what can't be served, and finds the classes in the graph.

https://github.com/onnx/onnx/blob/main/docs/IR.md and Operators-ml.md say what a graph holds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry.errors import ExportError
from services.inference.signature import Scalar

_KNOWN = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}  # operator sets that ONNX Runtime brings along
_LABELS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
_PASSES = ("Identity", "Reshape", "Cast", "ArrayFeatureExtractor", "Squeeze", "Flatten")


def load(path: Path) -> Any:
    """The `onnx.ModelProto` in a staged file, which is written anew if it ends in a ZipMap; ExportError otherwise.

    A ZipMap turns probabilities into a dictionary for each row: ONNX Runtime is faster without, and so are we.
    """
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception:  # protobuf raises its own, or none at all
        model = onnx.ModelProto()
    if not model.graph.node or not model.graph.output:
        raise ExportError(f"{path.name}: truncated, or not an ONNX model")
    _refuse_external(model, path.name)
    _refuse_foreign(model, path.name)
    if _drop_zipmaps(model.graph):
        path.write_bytes(model.SerializeToString())
    return model


def _refuse_external(model: Any, name: str) -> None:
    from onnx import TensorProto

    for tensor in _parts(model, TensorProto):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            other = next((entry.value for entry in tensor.external_data if entry.key == "location"), "another file")
            raise ExportError(f"{name} keeps its weights in {other!r}: save it as one file, without external data")


def _refuse_foreign(model: Any, name: str) -> None:
    from onnx import NodeProto

    own = {(function.domain, function.name) for function in model.functions}
    foreign = sorted(
        {
            f"{node.domain}.{node.op_type}"
            for node in _parts(model, NodeProto)
            if node.domain not in _KNOWN and (node.domain, node.op_type) not in own
        }
    )
    if foreign:
        raise ExportError(f"{name} needs operators that ONNX Runtime doesn't have: {', '.join(foreign[:5])}")


def _parts(message: Any, kind: type[Any]) -> Iterator[Any]:
    """Every message of a kind in another one: in the graph, in the bodies of its loops, in functions and attributes."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        if isinstance(one, kind):
            yield one
        for field, value in one.ListFields():
            if field.message_type is not None:
                waiting.extend(value if field.is_repeated else [value])


def _drop_zipmaps(graph: Any) -> bool:
    from onnx import TensorProto
    from onnx.helper import make_tensor_value_info

    maps = {node.output[0]: node for node in graph.node if node.op_type == "ZipMap"}
    for output in graph.output:
        if node := maps.get(output.name):
            output.CopyFrom(make_tensor_value_info(node.input[0], TensorProto.FLOAT, [None, len(_labels_of(node))]))
            graph.node.remove(node)
    return bool(maps)


def classes_of(graph: Any) -> tuple[Scalar, ...] | None:
    """The classes that a graph's first output answers with, as far as an operator names them; None otherwise."""
    nodes = {name: node for node in graph.node for name in node.output}
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    for node in _upwards(graph.output[0].name, nodes):
        if labels := _labels_of(node):
            return labels
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in initializers:
            return _values(initializers[node.input[0]])
    return None


def _upwards(name: str, nodes: dict[str, Any]) -> Iterator[Any]:
    """The nodes that an output passed through, last first, up to the one that computed it."""
    while (node := nodes.get(name)) is not None:
        yield node
        if node.op_type not in _PASSES:
            return
        name = node.input[0]


def activation_of(graph: Any, output: str) -> str | None:
    """`softmax` or `sigmoid` when that is the last thing done to an output."""
    nodes = {name: node for node in graph.node for name in node.output}
    for node in _upwards(output, nodes):
        if node.op_type in ("Softmax", "Sigmoid"):
            return str(node.op_type).lower()
    return None


def _labels_of(node: Any) -> tuple[Scalar, ...]:
    for attribute in node.attribute:
        if attribute.name in _LABELS:
            return tuple(value.decode() for value in attribute.strings) or tuple(attribute.ints)
    return ()


def _values(tensor: Any) -> tuple[Scalar, ...]:
    from onnx.numpy_helper import to_array

    listed = to_array(tensor).ravel().tolist()
    return tuple(value.decode() if isinstance(value, bytes) else value for value in listed)
