"""A `.onnx` file's signature is what its graph says; a graph that no endpoint could serve is one clear line."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from registry.errors import ExportError
from services.inference.describing import Description, describe
from services.inference.graph import load
from services.inference.runtimes import load_runtime

IRIS = load_iris(as_frame=True)
NAMES = IRIS.target_names[IRIS.target]
TABLE = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 5, "plan": ["a", "b", "a", "c"] * 5})


def converted(model: Any, path: Path, **options: Any) -> Path:
    """What skl2onnx makes of a model of numbers."""
    from skl2onnx import to_onnx

    path.write_bytes(to_onnx(model, IRIS.data.to_numpy()[:1].astype("float32"), **options).SerializeToString())
    return path


def described(path: Path, sample: Any = None, classes: Sequence[str] | None = None) -> Description:
    """The description of the file, which answers its own rows."""
    description = describe("onnx", load(path), sample, classes)
    predictions = load_runtime("onnx", path, description.signature).predict(description.rows)
    assert len(predictions) == len(description.rows)
    return description


def graph(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: Sequence[Any] = ()) -> Path:
    """A graph of our own."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.example", 1)]
    model = helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, list(constants)), opset_imports=opsets)
    model.ir_version = 10
    path.write_bytes(model.SerializeToString())
    return path


def value(name: str, shape: list[Any], kind: int = TensorProto.FLOAT) -> Any:
    """An input or output."""
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.mark.parametrize("zipmap", [True, False])
def test_a_classifier_of_skl2onnx_answers_its_labels_and_probabilities(tmp_path: Path, zipmap: bool) -> None:
    model = LogisticRegression(max_iter=500).fit(IRIS.data.to_numpy(), NAMES)
    path = converted(model, tmp_path / "m.onnx", options={"zipmap": zipmap})
    description = described(path, IRIS.data)
    signature = description.signature
    assert (signature.layout, signature.task) == ("matrix", "classification")
    assert [field.name for field in signature.inputs] == list(IRIS.data.columns)
    assert signature.outputs[0].classes == ("setosa", "versicolor", "virginica")
    answers = load_runtime("onnx", path, signature).predict(description.rows)
    assert [answer["label"] for answer in answers] == model.predict(IRIS.data.to_numpy()[:100]).tolist()
    likely = [list(answer["probabilities"].values()) for answer in answers]
    np.testing.assert_allclose(likely, model.predict_proba(IRIS.data.to_numpy()[:100]), atol=1e-5)


def test_without_a_sample_columns_have_numbers_for_names(tmp_path: Path) -> None:
    model = MLPClassifier(max_iter=2000, tol=0.1).fit(IRIS.data.to_numpy(), IRIS.target)
    signature = described(converted(model, tmp_path / "m.onnx"), None, ["a", "b", "c"]).signature
    assert [field.name for field in signature.inputs] == ["x0", "x1", "x2", "x3"]
    assert (signature.outputs[0].classes, signature.outputs[0].names) == ((0, 1, 2), ("a", "b", "c"))


@pytest.mark.filterwarnings("ignore:Attribute `prob._`:FutureWarning")  # skl2onnx asks for what SVC is about to drop
@pytest.mark.parametrize("model", [Perceptron(), SVC()])
def test_scores_that_are_no_probabilities_are_left_out(tmp_path: Path, model: Any) -> None:
    path = converted(model.fit(IRIS.data.to_numpy(), NAMES), tmp_path / "m.onnx")
    assert not described(path).signature.outputs[0].probabilities


def test_an_input_for_each_column(tmp_path: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(handle_unknown="ignore"), ["plan"]))
    model = make_pipeline(columns, LogisticRegression()).fit(TABLE, [0, 1, 0, 1] * 5)
    types = [("age", FloatTensorType([None, 1])), ("plan", StringTensorType([None, 1]))]
    path = tmp_path / "m.onnx"
    path.write_bytes(to_onnx(model, initial_types=types).SerializeToString())
    description = described(path, TABLE.assign(other=1))
    assert [(field.name, field.dtype) for field in description.signature.inputs] == [
        ("age", "float32"),
        ("plan", "string"),
    ]
    answers = load_runtime("onnx", path, description.signature).predict(description.rows)
    assert [answer["label"] for answer in answers] == model.predict(TABLE).tolist()
    with pytest.raises(ExportError, match="the sample lacks inputs of the graph: plan"):
        described(path, TABLE[["age"]])
    with pytest.raises(ExportError, match="sample column `age` is string, the graph's input is float32"):
        described(path, TABLE.assign(age="old"))


def test_a_regressor_takes_a_tensor(tmp_path: Path) -> None:
    path = converted(LinearRegression().fit(IRIS.data.to_numpy(), IRIS.target), tmp_path / "m.onnx")
    signature = described(path).signature
    assert (signature.layout, signature.task, signature.inputs[0].shape) == ("tensors", "regression", (4,))
    named = described(path, IRIS.data).signature
    assert (named.layout, len(named.inputs)) == ("matrix", 4)
    with pytest.raises(ExportError, match="input `X` takes 4"):
        described(path, IRIS.data.iloc[:, :3])


def test_an_image_model_that_ends_in_a_softmax_is_a_classifier(tmp_path: Path) -> None:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 3], np.arange(12, dtype="f").tobytes(), raw=True)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["scores"]),
    ]
    path = graph(tmp_path / "m.onnx", nodes, [value("image", ["n", 2, 2])], [value("scores", ["n", 3])], [weights])
    signature = described(path).signature
    assert (signature.inputs[0].shape, signature.outputs[0].classes) == ((2, 2), (0, 1, 2))


def identity(path: Path, put: Any, out: Any | None = None) -> Path:
    """A graph that answers its input."""
    return graph(path, [helper.make_node("Identity", [put.name], ["y"])], [put], [out or value("y", ["n", 1])])


def written(path: Path, content: bytes) -> Path:
    """A file of these bytes."""
    path.write_bytes(content)
    return path


REFUSED: dict[str, Callable[[Path], Path]] = {
    "takes 1 rows, always": lambda path: identity(path, value("x", [1, 4]), value("y", [1, 4])),
    "takes no rows, always": lambda path: identity(path, value("x", []), value("y", [])),
    "has the type|is a tensor": lambda path: identity(
        path, value("x", ["n", 1], TensorProto.UINT64), value("y", ["n", 1], TensorProto.UINT64)
    ),
    "output `y` is text": lambda path: identity(
        path, value("x", ["n", 1], TensorProto.STRING), value("y", ["n", 1], TensorProto.STRING)
    ),
    "operators that ONNX Runtime doesn't have: ai.example.Spin": lambda path: graph(
        path, [helper.make_node("Spin", ["x"], ["y"], domain="ai.example")], [value("x", ["n"])], [value("y", ["n"])]
    ),
    "can't run this graph": lambda path: graph(
        path, [helper.make_node("Relu", ["nothing"], ["y"])], [value("x", ["n"])], [value("y", ["n"])]
    ),
    "truncated, or not an ONNX model": lambda path: written(path, b"not a graph"),
    "m.onnx: truncated": lambda path: written(path, b""),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_can_not_be_served_is_one_line(tmp_path: Path, reason: str) -> None:
    with pytest.raises(ExportError, match=reason) as refused:
        described(REFUSED[reason](tmp_path / "m.onnx"))
    assert "\n" not in refused.value.message


def test_weights_in_another_file_are_asked_for_in_this_one(tmp_path: Path) -> None:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 1], np.zeros(4, dtype="f").tobytes(), raw=True)
    node, path = helper.make_node("MatMul", ["x", "w"], ["y"]), tmp_path / "m.onnx"
    graph(path, [node], [value("x", ["n", 4])], [value("y", ["n", 1])], [weights])
    onnx.save(onnx.load(str(path)), str(path), save_as_external_data=True, location="m.data", size_threshold=0)
    with pytest.raises(ExportError, match="m.onnx keeps its weights in 'm.data': save it as one file"):
        load(path)
