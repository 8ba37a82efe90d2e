"""The ONNX Runtime answers rows of any number, in the signature's words, and imports no framework to do so."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from registry.errors import ExportError, ModelError
from services.inference.compilation import convert
from services.inference.describing import describe
from services.inference.runtimes import load_runtime
from services.inference.runtimes.onnx import OnnxRuntime, rows_of
from services.inference.runtimes.session import open_session
from services.inference.signature import Dtype, Field, Output, Signature

X, Y = load_iris(return_X_y=True)


def signature_of(*dtypes: Dtype, output: Output | None = None) -> Signature:
    """Columns a, b, c … and one output: numbers, if nothing else is said."""
    inputs = tuple(Field(name=name, dtype=dtype, nullable=True) for name, dtype in zip("abc", dtypes, strict=False))
    output = output or Output()
    task: Any = "classification" if output.classes else "regression"
    return Signature(inputs=inputs, layout="frame", task=task, outputs=(output,), example={})


def graph(nodes: Sequence[Any], inputs: Mapping[str, int], outputs: Mapping[str, int], width: int | None = 1) -> bytes:
    """A graph of a few nodes; everything has the shape (rows, width)."""
    takes, gives = (
        [helper.make_tensor_value_info(name, kind, [None, width]) for name, kind in ends.items()]
        for ends in (inputs, outputs)
    )
    model = helper.make_model(
        helper.make_graph(nodes, "graph", takes, gives), opset_imports=[helper.make_opsetid("", 21)], ir_version=10
    )
    serialized: bytes = model.SerializeToString()
    return serialized


def test_a_compiled_model_is_loaded_and_answers_one_row_and_many(tmp_path: Path) -> None:
    model = DecisionTreeClassifier(max_depth=3).fit(X, Y)
    signature = describe("sklearn", model, X, None).signature
    path = tmp_path / "model.onnx"
    path.write_bytes(convert("sklearn", model, signature, "float32"))
    runtime = load_runtime("onnx", path, signature)
    many = runtime.predict(X.tolist())
    assert [answer["label"] for answer in many] == model.predict(X).tolist()
    assert [runtime.predict([row])[0] for row in X[:5].tolist()] == many[:5]
    assert runtime.predict_values(X) == runtime.predict_values(pd.DataFrame(X)) == many
    assert np.allclose([list(answer["probabilities"].values()) for answer in many], model.predict_proba(X))


def test_columns_of_different_types_are_fed_by_name_and_null_as_what_is_missing() -> None:
    missing = helper.make_node("Constant", [], ["missing"], value_strings=["\ufdd0"])
    nodes = [
        missing,
        helper.make_node("Equal", ["c", "missing"], ["gone"]),
        helper.make_node("Cast", ["gone"], ["one"], to=TensorProto.DOUBLE),
        helper.make_node("Add", ["a", "one"], ["prediction"]),
    ]
    inputs = {"c": TensorProto.STRING, "a": TensorProto.DOUBLE}
    session = open_session(graph(nodes, inputs, {"prediction": TensorProto.DOUBLE}))
    runtime = OnnxRuntime(session, signature_of("float64", "bool", "string"))
    assert runtime.predict([[1.5, None, "text"], [1.5, True, None]]) == [1.5, 2.5]
    with pytest.raises(ModelError, match="NaN"):
        runtime.predict([[None, True, "text"]])
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": [True, False], "c": ["text", None]})
    assert runtime.predict_values(frame) == [1.5, 3.5]


def test_a_graph_that_answers_too_few_rows_is_an_error_and_shifts_nobodys_answer() -> None:
    nodes = [helper.make_node("ReduceSum", ["X"], ["prediction"], keepdims=1)]
    session = open_session(graph(nodes, {"X": TensorProto.FLOAT}, {"prediction": TensorProto.FLOAT}, None))
    runtime = OnnxRuntime(session, signature_of("float32", "float32"))
    with pytest.raises(ModelError, match="The model answered 1 predictions for 2 rows."):
        runtime.predict([[1, 2], [3, 4]])


def test_a_label_that_is_no_class_is_an_error() -> None:
    nodes = [helper.make_node("Identity", ["X"], ["label"])]
    session = open_session(graph(nodes, {"X": TensorProto.INT64}, {"label": TensorProto.INT64}))
    runtime = OnnxRuntime(session, signature_of("int64", output=Output(classes=(0, 1), names=("no", "yes"))))
    assert runtime.predict([[1]]) == [{"label": "yes"}]
    with pytest.raises(ModelError, match="could not make a prediction"):
        runtime.predict([[2]])


def test_a_graph_with_other_inputs_than_the_columns_is_refused() -> None:
    nodes = [helper.make_node("Add", ["x", "y"], ["prediction"])]
    inputs = {"x": TensorProto.FLOAT, "y": TensorProto.FLOAT}
    session = open_session(graph(nodes, inputs, {"prediction": TensorProto.FLOAT}))
    with pytest.raises(ExportError, match="inputs that are no columns of the model: x, y"):
        OnnxRuntime(session, signature_of("float32", "float32"))


def test_bytes_that_are_no_graph_are_refused_in_one_line() -> None:
    with pytest.raises(ExportError, match="^ONNX Runtime can't run this graph: .*$"):
        open_session(b"no graph")


def test_rows_of_a_frame_are_as_json_has_them() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": pd.array(["x", None], dtype="str")})
    assert rows_of(frame) == [[1, 0.5, "x"], [2, None, None]]
    assert rows_of(["one", "two"]) == [["one"], ["two"]]


def test_a_worker_of_a_compiled_model_imports_no_framework(tmp_path: Path) -> None:
    model = DecisionTreeClassifier(max_depth=3).fit(X, Y)
    signature = describe("sklearn", model, X, None).signature
    (tmp_path / "model.onnx").write_bytes(convert("sklearn", model, signature, "float32"))
    (tmp_path / "signature.json").write_text(signature.model_dump_json())
    script = """if True:
        import sys
        from pathlib import Path
        from services.inference.runtimes import load_runtime
        from services.inference.signature import Signature
        signature = Signature.model_validate_json(Path(sys.argv[1], "signature.json").read_text())
        runtime = load_runtime("onnx", Path(sys.argv[1], "model.onnx"), signature)
        assert runtime.predict([list(signature.example.values())])
        heavy = {"sklearn", "scipy", "pandas", "joblib", "skl2onnx", "onnx", "tensorflow", "keras"}
        print(sorted(heavy.intersection(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
