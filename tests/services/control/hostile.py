"""Files of somebody who means no good, real ones beside them, and an operator who uploads in vain."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from registry import database
from registry.accounts import Role
from registry.catalog import Model
from registry.settings import settings
from tests.conftest import empty_home as empty_home  # what is refused here comes to no database
from tests.services.control.test_models import kept
from tests.services.middleware.conftest import Hub
from tests.services.uploads.samples import keras_config, keras_like, onnx_graph, onnx_model, pickled, zipped


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
