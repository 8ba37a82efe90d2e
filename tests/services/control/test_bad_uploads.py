"""Hostile uploads: each is refused with a clear line, and leaves nothing on the disk or in the registry."""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from registry import database
from registry.accounts import Role
from registry.catalog import Model
from registry.settings import settings
from services.uploads import admission
from services.uploads.form import Form, shown
from tests.services.control.test_models import kept, upload
from tests.services.middleware.conftest import Hub
from tests.services.uploads.samples import keras_config, keras_like, onnx_graph, onnx_model, pickled, zipped

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def operator(hub: Hub) -> Iterator[str]:
    """An operator, of whose uploads nothing must be left."""
    yield hub.new_user("olga", Role.OPERATOR)
    with database.reading() as session:
        assert session.exec(select(Model.name)).all() == ["echo"]
    assert [name for name in kept() if name != ".writing"] == []
    assert not any(path.is_dir() for path in (settings().home / "uploads" / "changes").glob("*"))


def custom_operator(folder: Path) -> bytes:
    from onnx import helper

    graph = onnx_graph()
    graph.graph.node.append(helper.make_node("Steal", ["x"], ["z"], domain="evil"))
    return graph.SerializeToString()  # type: ignore[no-any-return]


def external_data(folder: Path) -> bytes:
    from onnx import TensorProto

    graph = onnx_graph()
    weights = graph.graph.initializer[0]
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    return graph.SerializeToString()  # type: ignore[no-any-return]


def large_tensor(folder: Path) -> bytes:
    """A graph of a few bytes that makes a tensor of four terabytes."""
    from onnx import TensorProto, helper

    shape = helper.make_tensor("s", TensorProto.INT64, [2], [2**20, 2**20])
    graph = helper.make_graph(
        [
            helper.make_node("ConstantOfShape", ["s"], ["big"]),
            helper.make_node("ReduceSum", ["big"], ["one"], keepdims=0),
            helper.make_node("Add", ["x", "one"], ["y"]),
        ],
        "bomb",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 4])],
        [shape],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()  # type: ignore[no-any-return]


def of_keras(folder: Path, model: Any) -> bytes:
    model.save(folder / "net.keras")
    return (folder / "net.keras").read_bytes()


def keras_lambda(folder: Path) -> bytes:
    import keras

    return of_keras(folder, keras.Sequential([keras.layers.Input((2,)), keras.layers.Lambda(lambda x: x * 2)]))


def keras_custom(folder: Path) -> bytes:
    import keras

    class Mine(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    return of_keras(folder, keras.Sequential([keras.layers.Input((2,)), Mine()]))


def keras_h5(folder: Path) -> bytes:
    import keras

    keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)]).save(folder / "net.h5")
    return (folder / "net.h5").read_bytes()


def saved_model(folder: Path, path: Path, write: bool) -> bytes:
    """A SavedModel that reads or writes a file when it is called."""
    import tensorflow as tf

    from tests.services.uploads.samples import folder_zipped

    class Module(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((None, 2))])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            if write:
                tf.io.write_file(str(path), "written")
                return {"y": x}
            return {"y": x + tf.cast(tf.strings.length(tf.io.read_file(str(path))), tf.float32)}

    module = Module()
    tf.saved_model.save(module, str(folder / "saved"), signatures=module.__call__)
    return folder_zipped(folder / "saved")


def skops_foreign(folder: Path) -> bytes:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    return skops.io.dumps(FunctionTransformer(func=print))  # type: ignore[no-any-return]


def pytorch(folder: Path) -> bytes:
    return zipped({"archive/data.pkl": pickled(folder / "marker"), "archive/version": b"3\n"})


HOSTILE: dict[str, tuple[str, Callable[[Path], bytes], str]] = {
    "a pickle called .onnx": ("model.onnx", lambda folder: pickled(folder / "marker"), "The file is a pickle"),
    "a pickle called .keras": ("model.keras", lambda folder: pickled(folder / "marker", 0), "The file is a pickle"),
    "a torch archive": ("model.keras", pytorch, "holds a pickle"),
    "nothing": ("model.onnx", lambda _: b"", "is empty"),
    "half a graph": ("model.onnx", lambda _: onnx_model()[:-4], "no model that can be uploaded"),
    "a custom operator": ("model.onnx", custom_operator, r"doesn't have: evil\.Steal"),
    "external data": ("model.onnx", external_data, "keeps its weights in '/etc/passwd'"),
    "a Keras archive with a climbing path": (
        "m.keras", lambda _: keras_like(keras_config(), **{"..__evil": b"x"}), "leads out"
    ),
    "a bomb": ("m.keras", lambda _: zipped({"zeros": bytes(40 * 1024**2)}), "times its size"),
    "foreign types": ("m.skops", skops_foreign, "types that are not scikit-learn's own"),
    "broken JSON": ("m.json", lambda _: b'{"learner": ' + b"[" * 100_000, "XGBoost|ended|crashed"),
    "a broken text": ("m.txt", lambda _: b"tree\nversion=v4\nnum_class=99999999\n", "LightGBM"),
}  # fmt: skip
SLOW: dict[str, tuple[str, Callable[[Path], bytes], str]] = {
    "a tensor of terabytes": ("model.onnx", large_tensor, ".*"),
    "a Lambda": ("m.keras", keras_lambda, "has a Lambda"),
    "a layer of somebody's": ("m.keras", keras_custom, "not Keras's own"),
    "Keras's old format": ("m.h5", keras_h5, "an HDF5 file"),
    "a SavedModel that writes": ("m.zip", lambda folder: saved_model(folder, folder / "marker", True), "WriteFile"),
    "a SavedModel that reads": ("m.zip", lambda folder: saved_model(folder, Path("/etc/hostname"), False), "ReadFile"),
}


def real_keras(folder: Path) -> bytes:
    import keras

    words = keras.layers.Input((5,), dtype="int32")
    numbers = keras.layers.Input((3,))
    read = keras.layers.LSTM(4)(keras.layers.Embedding(10, 4)(words))
    both = keras.layers.Concatenate()([read, keras.layers.Normalization(mean=0.0, variance=1.0)(numbers)])
    activated = keras.ops.relu(both)
    return of_keras(folder, keras.Model([words, numbers], keras.layers.Dense(2, activation="softmax")(activated)))


def real_saved_model(folder: Path) -> bytes:
    import keras

    from tests.services.uploads.samples import folder_zipped

    model = keras.Sequential([keras.layers.Input((4, 2)), keras.layers.LSTM(3), keras.layers.Dropout(0.5)])
    model.export(folder / "into" / "net", verbose=False)
    return folder_zipped(folder / "into")


def real_skops(folder: Path) -> bytes:
    import skops.io
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(n_estimators=3).fit([[0.0], [1.0]], ["a", "b"])
    return skops.io.dumps(model)  # type: ignore[no-any-return]


def real_boosters(folder: Path, suffix: str) -> bytes:
    import numpy as np

    rows, answers = np.random.default_rng(0).random((60, 3)), np.arange(60) % 2
    path = folder / f"model{suffix}"
    if suffix == ".txt":
        import lightgbm

        lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(rows, answers), 3).save_model(path)
    else:
        import xgboost

        xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(rows, answers), 3).save_model(path)
    return path.read_bytes()


REAL: dict[str, Callable[[Path], bytes]] = {
    "keras": real_keras,
    "saved_model": real_saved_model,
    "skops": real_skops,
    "xgboost": lambda folder: real_boosters(folder, ".json"),
    "xgboost_ubj": lambda folder: real_boosters(folder, ".ubj"),
    "lightgbm": lambda folder: real_boosters(folder, ".txt"),
}


@pytest.mark.slow
def test_real_files_are_taken_whatever_they_are_called(hub: Hub, tmp_path: Path) -> None:
    token = hub.new_user("olga", Role.OPERATOR)
    for kind, make in REAL.items():
        folder = tmp_path / kind
        folder.mkdir()
        made = upload(hub, token, make(folder), name=kind.replace("_", "-"), file_name="model.bin")
        assert made.status_code == 201, (kind, made.text)
        with database.reading() as session:
            assert (session.get_one(Model, made.json()["id"]).upload_parts or {})["format"] == kind


@pytest.mark.slow
@pytest.mark.parametrize("what", [*HOSTILE, *SLOW])
def test_a_hostile_file(hub: Hub, operator: str, tmp_path: Path, what: str) -> None:
    import re

    file_name, make, reason = (HOSTILE | SLOW)[what]
    refused = upload(hub, operator, make(tmp_path), file_name=file_name)

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "INVALID_INPUT"), refused.text
    assert re.search(reason, error["message"]), error["message"]
    assert not (tmp_path / "marker").exists()
    assert str(settings().home) not in refused.text and "Traceback" not in refused.text


def test_a_pickle_is_refused_whatever_it_is_called(hub: Hub, operator: str, tmp_path: Path) -> None:
    refused = upload(hub, operator, pickled(tmp_path / "marker"), file_name="model.onnx")

    assert refused.status_code == 400 and refused.json()["error"]["message"].startswith("The file is a pickle")
    assert not (tmp_path / "marker").exists()


FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"name": "../evil"}, "A model's name has"),
    ({"name": "123"}, "A model's name has"),
    ({"classes": "a,,b"}, "`classes` has an empty name"),
    ({"classes": "a,b,a"}, "or one twice"),
    ({"files": {"sample": ("rows.pkl", pickle.dumps([1]))}}, "A sample is a"),
    ({"files": {"other": ("x", b"x")}}, "not known here"),
]


def test_fields_that_do_not_fit(hub: Hub, operator: str) -> None:
    for fields, reason in FIELDS:
        refused = upload(hub, operator, onnx_model(), **fields)
        assert refused.status_code == 400 and reason in refused.json()["error"]["message"], refused.text


def multipart(*parts: tuple[str, bytes], end: bytes = b"--B--\r\n") -> bytes:
    """A body as no client would send it."""
    return b"".join(b"--B\r\n%s\r\n\r\n%s\r\n" % (head.encode(), content) for head, content in parts) + end


FILE = ('Content-Disposition: form-data; name="file"; filename="a.onnx"', b"x")
KIND = "multipart/form-data; boundary=B"
ODD: dict[str, tuple[str, bytes, int]] = {
    "no form": ("application/json", b"{}", 415),
    "no boundary": ("multipart/form-data", b"", 400),
    "an endless boundary": (f"multipart/form-data; boundary={'B' * 5000}", b"", 400),
    "no body": (KIND, b"", 400),
    "no file": (KIND, multipart(('Content-Disposition: form-data; name="name"', b"x")), 400),
    "two files": (KIND, multipart(FILE, FILE), 400),
    "no end": (KIND, multipart(FILE, end=b""), 400),
    "a part without a name": (KIND, multipart(("Content-Type: text/plain", b"x")), 400),
    "another boundary": (KIND, multipart(FILE).replace(b"--B", b"--C"), 400),
    "a long name": (KIND, multipart(FILE, ('Content-Disposition: form-data; name="name"', b"x" * 70_000)), 400),
    "a name that is no text": (KIND, multipart(FILE, ('Content-Disposition: form-data; name="name"', b"\xff")), 400),
    "many headers": (KIND, multipart(("\r\n".join(f"X-{n}: y" for n in range(10_000)), b"x")), 400),
    "an endless header": (KIND, multipart(("X: " + "y" * 1_000_000, b"x")), 400),
}


def test_a_body_that_is_no_such_form(hub: Hub, operator: str) -> None:
    for what, (kind, content, status) in ODD.items():
        headers = {"Authorization": f"Bearer {operator}", "Content-Type": kind}
        refused = hub.ask("POST", "/models/", None, headers=headers, content=content)
        assert refused.status_code == status, (what, refused.text)


def test_an_upload_over_the_limit(hub: Hub, operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    most = settings().upload_max_bytes
    headers = {"Authorization": f"Bearer {operator}", "Content-Type": KIND, "Content-Length": str(most + 1)}
    refused = hub.ask("POST", "/models/", None, headers=headers, content=b"")

    assert refused.status_code == 413 and refused.json()["error"]["details"] == {"max_bytes": most}
    other = {"Authorization": f"Bearer {operator}", "Content-Length": str(settings().max_body_bytes + 1)}
    assert hub.ask("POST", "/api/export/1", None, headers=other, content=b"").status_code == 413


def test_a_client_who_leaves_in_the_middle(hub: Hub, operator: str) -> None:
    headers = {"authorization": f"Bearer {operator}", "content-type": KIND, "x-api-key": ""}
    body = multipart(FILE, end=b"")
    hub.raw(
        "/models/", [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}], headers
    )


def test_a_model_that_takes_too_long_is_ended(hub: Hub, operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "SECONDS", 0.01)
    refused = upload(hub, operator, onnx_model())
    assert refused.status_code == 400 and "took more than 0.01 s" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\models\\churn.onnx", "churn.onnx"),
        ("<script>alert(1)</script>", "script_"),
        ("a\nb\x00c\u202ed", "a_b_c_d"),
        ("é" * 300, "é" * 100),
        ("..", "model"),
        ("", "model"),
    ],
)
def test_a_file_name_as_it_is_shown(name: str, told: str) -> None:
    assert shown(name) == told


def test_a_file_is_never_held_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    form = Form(KIND, tmp_path)
    form.feed(multipart((FILE[0], b""), end=b"").removesuffix(b"\r\n"))
    piece = bytes(1024**2)
    tracemalloc.start()
    for _ in range(32):
        form.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    form.feed(b"\r\n--B--\r\n")
    form.end()
    assert form.files["file"].size == 32 * 1024**2 and peak < 4 * 1024**2
    assert form.files["file"].path.stat().st_size == 32 * 1024**2
