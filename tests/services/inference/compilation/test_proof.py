"""The proof finds what a compiled model does differently, however little that is."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sklearn.datasets import load_diabetes, load_iris
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from registry.errors import ModelError
from services.inference.compilation import convert
from services.inference.compilation.proof import Proof, prove
from services.inference.compilation.rows import proof_rows
from services.inference.compilation.sklearn_splits import splits
from services.inference.describing import describe
from services.inference.instances import InstanceReader, Row
from services.inference.runtimes.onnx import OnnxRuntime
from services.inference.runtimes.session import open_session
from services.inference.runtimes.sklearn import SklearnRuntime
from services.inference.signature import Field, Signature

X, Y = load_iris(return_X_y=True)
NUMBERS = load_diabetes(return_X_y=True)


def proof_of(change: Callable[[Any], None], model: Any, data: tuple[Any, Any]) -> Proof:
    """The proof of a tree's graph after something was done to the operator that holds the tree."""
    model.fit(*data)
    description = describe("sklearn", model, data[0], None)
    signature = description.signature
    graph = onnx.load_from_string(convert("sklearn", model, signature, "float32"))
    change(next(node for node in graph.graph.node if node.op_type == "TreeEnsemble"))
    compiled = OnnxRuntime(open_session(graph.SerializeToString()), signature)
    rows = proof_rows(signature, description.rows, splits(model, signature))
    return prove(SklearnRuntime(model, signature), compiled, rows, "float32", len(description.rows))


def edit(name: str, how: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Puts other values into one tensor of the operator."""

    def change(node: Any) -> None:
        attribute = next(attribute for attribute in node.attribute if attribute.name == name)
        values = how(numpy_helper.to_array(attribute.t))
        attribute.t.CopyFrom(numpy_helper.from_array(values.astype(numpy_helper.to_array(attribute.t).dtype)))

    return change


def test_the_same_tree_passes_and_the_proof_is_json() -> None:
    proof = proof_of(lambda node: None, DecisionTreeClassifier(random_state=0), (X, Y))
    assert (proof.passed, proof.labels_equal, proof.max_difference, proof.reason) == (True, True, 0.0, "")
    assert json.loads(json.dumps(proof.as_dict()))["rows"] > 500


@pytest.mark.parametrize("side", [-np.inf, np.inf], ids=["below", "above"])
def test_thresholds_one_float32_off_fail(side: float) -> None:
    off_by_one = edit("nodes_splits", lambda splits: np.nextafter(splits, np.float32(side)))
    proof = proof_of(off_by_one, DecisionTreeClassifier(max_depth=2, random_state=0), (X, Y))
    assert not proof.passed
    assert "instead of" in proof.reason and "\n" not in proof.reason


def test_leaves_that_are_off_by_more_than_the_tolerance_fail() -> None:
    tree = DecisionTreeRegressor(max_depth=3)
    assert proof_of(edit("leaf_weights", lambda weights: weights * (1 + 5e-6)), tree, NUMBERS).passed
    proof = proof_of(edit("leaf_weights", lambda weights: weights * (1 + 5e-5)), tree, NUMBERS)
    assert not proof.passed and proof.labels_equal
    assert "its numbers are off by 5.0e-05" in proof.reason


@dataclass(frozen=True)
class Canned:
    """A runtime that answers by a rule."""

    rule: Callable[[Row], Any]
    faulty_alone: bool = False

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        if self.faulty_alone and len(rows) == 1:
            raise ModelError("no")
        return [self.rule(row) for row in rows]

    def predict_values(self, values: Any) -> list[Any]:
        raise NotImplementedError


def _fails_above(limit: float) -> Callable[[Row], Any]:
    def rule(row: Row) -> Any:
        if row[0] > limit:
            raise ModelError("too large")
        return row[0]

    return rule


ROWS = [(float(value),) for value in range(10)]
DOUBLE = Canned(lambda row: 2 * row[0])


@pytest.mark.parametrize(
    ("compiled", "reason"),
    [
        (Canned(_fails_above(7)), "it fails on [8]"),
        (replace(DOUBLE, faulty_alone=True), "it fails on [0]"),
        (Canned(lambda row: [row[0], row[0]]), "it answers 2 numbers instead of 1 for [0]"),
        (Canned(lambda row: {"label": 1}), "it answers"),
    ],
    ids=["an error", "an error for one row", "another shape", "another kind of answer"],
)
def test_it_says_what_differs(compiled: Canned, reason: str) -> None:
    proof = prove(DOUBLE, compiled, ROWS, "float64", 10)
    assert not proof.passed and reason in proof.reason


def test_a_label_of_another_type_is_another_label() -> None:
    one, true = Canned(lambda row: {"label": 1}), Canned(lambda row: {"label": True})
    assert not prove(one, true, ROWS, "float32", 10).passed


def test_rows_that_the_original_fails_on_prove_nothing() -> None:
    original = Canned(_fails_above(4))
    assert prove(original, Canned(lambda row: row[0]), ROWS, "float32", 10).rows == 5
    nothing = prove(Canned(_fails_above(-1)), DOUBLE, ROWS, "float32", 10)
    assert not nothing.passed and nothing.reason == "the original answers no row"


def test_small_numbers_are_measured_by_what_the_output_usually_is() -> None:
    noisy = Canned(lambda row: 2 * row[0] + 1e-6)  # of about 9: 1e-7, though it is endlessly much of the first row's 0
    assert prove(DOUBLE, noisy, ROWS, "float32", 10).passed


FIELDS = (
    Field(name="number", dtype="float64", nullable=True),
    Field(name="limited", dtype="float32"),
    Field(name="count", dtype="int8"),
    Field(name="whole", dtype="int64"),
    Field(name="flag", dtype="bool", nullable=True),
    Field(name="open", dtype="string", nullable=True),
    Field(name="closed", dtype="string", categories=("a", "b")),
    Field(name="numbers", dtype="float64", categories=(1.0, 2.0)),
    Field(name="tensor", dtype="float32", shape=(2, None)),
)


def test_every_row_of_a_proof_is_one_that_a_caller_may_send() -> None:
    example = (1.5, 0.5, 3, 7, True, "some text", "a", 1.0, [[1.0, 2.0], [3.0, 4.0]])
    signature = Signature(inputs=FIELDS, layout="frame", task="regression", outputs=(), example={})
    rows = proof_rows(signature, [example], {0: [0.1], 1: [0.1, 1e38], 2: [126.5, 127.5], 3: [0.1], 6: [1.0]})
    assert rows == proof_rows(signature, [example], {0: [0.1], 1: [0.1, 1e38], 2: [126.5, 127.5], 3: [0.1], 6: [1.0]})
    assert InstanceReader(signature).rows({"instances": [list(row) for row in rows]})
    columns = list(zip(*rows, strict=True))
    assert {None, 0.1, float(np.nextafter(0.1, 1))} <= set(columns[0])
    assert {126, 127, -128} <= set(columns[2])
    assert {True, False, None} == set(columns[4])
    assert {"a", "b"} == set(columns[6])
