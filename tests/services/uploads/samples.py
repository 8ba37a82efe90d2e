"""Small models as files, and what looks like one and is none."""

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any


def onnx_model(weight: float = 2.0) -> bytes:
    """A graph that multiplies four numbers by a weight and adds them up."""
    return onnx_graph(weight).SerializeToString()  # type: ignore[no-any-return]


def onnx_graph(weight: float = 2.0) -> Any:
    """The same as an `onnx.ModelProto`."""
    from onnx import TensorProto, helper

    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 1], [weight] * 4)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def folder_zipped(folder: Path) -> bytes:
    """An archive of a folder's files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return zipped({path.relative_to(folder).as_posix(): path.read_bytes() for path in files})


def keras_config(**layer: Any) -> dict[str, Any]:
    """What `config.json` of a small Keras model says, with one layer that is not a Dense."""
    odd = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}, "registered_name": None} | layer
    start: dict[str, Any] = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {},
        "registered_name": None,
    }
    config = {"name": "s", "layers": [start, odd]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def keras_like(config: Any, **members: bytes) -> bytes:
    """An archive like Keras's, with weights that are none unless they are given."""
    whole = {"metadata.json": b"{}", "config.json": json.dumps(config).encode(), "model.weights.h5": b"none"}
    return zipped(whole | {name.replace("__", "/"): content for name, content in members.items()})


class Marker:
    """Unpickling it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def pickled(path: Path, protocol: int = 4) -> bytes:
    """A pickle that leaves a file when it is loaded."""
    return pickle.dumps(Marker(path), protocol)
