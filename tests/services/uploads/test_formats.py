"""What an uploaded file is goes by its content; what is refused is refused by what it is."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest

from registry.errors import ExportError
from services.inference.graph import load
from services.packaging.archives import open_checked
from services.packaging.formats import FORMATS, recognise, recognise_archive
from services.packaging.keras_archive import check_keras
from tests.services.uploads.samples import keras_config, keras_like, onnx_graph, onnx_model, pickled, zipped

XGBOOST = b'{"learner": {"objective": {"name": "reg:squarederror"}}, "version": [3, 0, 0]}'
MARKER = Path("marker")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (onnx_model(), "onnx"),
        (XGBOOST, "xgboost"),
        (b'\n {\n"version": [3]}', "xgboost"),
        (b"{L\0\0\0\0\0\0\0\x07learner{L", "xgboost_ubj"),
        (b"tree\nversion=v4\n", "lightgbm"),
    ],
)
def test_a_file_is_what_its_content_says(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / "model.pkl").write_bytes(content)
    assert recognise(tmp_path / "model.pkl") is FORMATS[name]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        *((pickled(MARKER, protocol), "the file is a pickle, which runs code") for protocol in range(6)),
        (b"cposix\nsystem\n(S'touch marker'\ntR.", "the file is a pickle"),
        (gzip.compress(pickled(MARKER), mtime=0), "compressed by gzip, as pickles"),
        (zlib.compress(pickled(MARKER)), "compressed by zlib, as pickles"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (b"\x93NUMPY\x01\x00", "a NumPy array"),
        (b"<!DOCTYPE html>", "no model that can be uploaded"),
        (b"just text", "no model that can be uploaded|a pickle"),
        (onnx_model()[:-3], "no model that can be uploaded"),
        (onnx_model() + b"\x01", "no model that can be uploaded"),
        (b'{"a": 1}', "no model that can be uploaded|a pickle"),
        (b"PK\x05\x06" + bytes(18), "no model that can be uploaded|a pickle"),
    ],
)
def test_what_is_no_model_is_called_by_its_name(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ExportError, match=reason):
        recognise(tmp_path / "model.onnx")
    assert not MARKER.exists()


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b""}, "keras"),
        ({"schema.json": b"{}"}, "skops"),
        ({"saved_model.pb": b""}, "saved_model"),
        ({"net/saved_model.pb": b"", "net/variables/variables.index": b""}, "saved_model"),
    ],
)
def test_an_archive_is_what_its_members_say(tmp_path: Path, members: dict[str, bytes], name: str) -> None:
    (tmp_path / "file").write_bytes(zipped(members))
    assert recognise(tmp_path / "file") is None
    with open_checked(tmp_path / "file", 10**6) as archive:
        assert recognise_archive(archive.infolist()) is FORMATS[name]


@pytest.mark.parametrize(("member", "reason"), [("archive/data.pkl", "a pickle"), ("word/document.xml", "no model")])
def test_other_archives_are_refused(tmp_path: Path, member: str, reason: str) -> None:
    (tmp_path / "file").write_bytes(zipped({member: b""}))
    with open_checked(tmp_path / "file", 10**6) as archive, pytest.raises(ExportError, match=reason):
        recognise_archive(archive.infolist())


LAYERS: dict[str, tuple[dict[str, Any], str]] = {
    "a Lambda": ({"class_name": "Lambda"}, "has a Lambda, which holds code"),
    "code as it is saved": ({"config": {"f": {"class_name": "__lambda__", "config": {"value": "4w=="}}}}, "__lambda__"),
    "a function by name": (
        {"config": {"f": {"class_name": "function", "module": "keras.config", "config": "x"}}},
        "function",
    ),
    "a SavedModel elsewhere": ({"class_name": "TFSMLayer"}, "TFSMLayer"),
    "a pickled torch module": ({"class_name": "TorchModuleWrapper"}, "TorchModuleWrapper"),
    "a class of the system": ({"module": "os", "class_name": "system"}, "not Keras's own: os.system"),
    "a class of Keras's tools": ({"module": "keras.utils", "class_name": "get_file"}, "not Keras's own"),
    "a class that begins as Keras's do": ({"module": "keras_evil.layers", "class_name": "X"}, "not Keras's own"),
    "a registered class": ({"registered_name": "mine>Layer"}, "not Keras's own"),
    "no module": ({"module": None}, "not Keras's own"),
    "a name that is none": ({"class_name": ["Dense"]}, "not Keras's own"),
    "words in another file": ({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}, "another file"),
}


@pytest.mark.parametrize("what", LAYERS)
def test_layers_with_code_or_of_others_are_refused(tmp_path: Path, what: str) -> None:
    layer, reason = LAYERS[what]
    refused(tmp_path, keras_like(keras_config(**layer)), reason)


def refused(folder: Path, content: bytes, reason: str) -> None:
    """The archive is like Keras's, but is refused."""
    (folder / "file").write_bytes(content)
    with open_checked(folder / "file", 10**8) as archive, pytest.raises(ExportError, match=reason):
        check_keras(archive, folder)


def test_a_deep_or_broken_config_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, keras_like(keras_config()).replace(b"", b"", 0), "weights of the Keras archive are damaged")
    deep = b"[" * 200_000 + b"]" * 200_000
    members = {"metadata.json": b"{}", "model.weights.h5": b""}
    refused(tmp_path, zipped(members | {"config.json": deep}), "is no JSON")
    refused(tmp_path, zipped(members | {"config.json": b"[]"}), "describes no model")
    refused(tmp_path, keras_like(keras_config(), evil__py=b""), "doesn't know: 'evil")


@pytest.mark.parametrize("kind", ["external link", "soft link", "external data", "virtual"])
def test_weights_that_lie_elsewhere_are_refused(tmp_path: Path, kind: str) -> None:
    import h5py

    (tmp_path / "other").write_bytes(bytes(80))
    with h5py.File(tmp_path / "weights", "w") as file:
        if kind == "external link":
            file["w"] = h5py.ExternalLink("other", "/")
        elif kind == "soft link":
            file["w"] = h5py.SoftLink("/x")
        elif kind == "external data":
            file.create_dataset("w", (10,), "f8", external=[(str(tmp_path / "other"), 0, 80)])
        else:
            layout = h5py.VirtualLayout((10,), "f8")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other"), "w", (10,))
            file.create_virtual_dataset("w", layout)
    content = zipped(
        {
            "metadata.json": b"{}",
            "config.json": b'{"module": "keras", "class_name": "Sequential", "config": {}}',
            "model.weights.h5": (tmp_path / "weights").read_bytes(),
        }
    )
    refused(tmp_path, content, "weights of the Keras archive lie in other files")


def test_a_graph_whose_weights_lie_elsewhere_is_refused_wherever_they_hide(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    outside = helper.make_tensor("o", TensorProto.FLOAT, [1], [1.0])
    outside.ClearField("float_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../../secrets/pepper")
    body = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=outside)],
        "body",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])],
    )
    for at in ("initializer", "attribute"):
        graph = onnx_graph()
        if at == "initializer":
            graph.graph.initializer.append(outside)
        else:
            graph.graph.node.append(helper.make_node("If", ["x"], ["z"], then_branch=body, else_branch=body))
        (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
        with pytest.raises(ExportError, match="keeps its weights in"):
            load(tmp_path / "model.onnx")


def test_an_operator_of_nobody_known_is_refused_in_the_body_of_a_loop_too(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    body = helper.make_graph(
        [helper.make_node("Steal", [], ["c"], domain="evil")],
        "body",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])],
    )
    graph = onnx_graph()
    graph.graph.node.append(helper.make_node("If", ["x"], ["z"], then_branch=body, else_branch=body))
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    with pytest.raises(ExportError, match=r"evil\.Steal"):
        load(tmp_path / "model.onnx")
