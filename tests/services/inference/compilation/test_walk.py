"""A single decision tree, compiled to plain data and walked, answers as scikit-learn does, to the last bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from services.inference.compilation import walk
from services.inference.compilation.compile import Compiled, compile_tree
from services.inference.compilation.walk import turns, walk_of
from services.inference.describing import describe
from services.inference.runtimes.sklearn import SklearnRuntime

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
DIABETES, PROGRESSION = load_diabetes(return_X_y=True)

thresholds = st.floats(-1e38, 1e38) | st.floats(-2, 2) | st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(thresholds, st.integers(-3, 3), st.floats(-1e38, 1e38))
@example(0.0, 0, -0.0)
@example(1.0, 1, 1 + 2**-24)  # in the middle of two float32, and rounded to the even one: 1.0
@example(1 + 2**-23, 0, 1 + 3 * 2**-24)  # here the even one is above
def test_a_float64_turns_where_its_float32_does(threshold: float, steps: int, far: float) -> None:
    turn = float(turns(np.array([threshold]))[0])
    near = turn
    for _ in range(abs(steps)):
        near = float(np.nextafter(near, np.copysign(np.inf, steps)))
    for value in (near, threshold, far):
        assert (value <= turn) == (float(np.float32(value)) <= threshold)


def compiled(model: Any, sample: Any, folder: Path) -> Compiled:
    """The model as a tree, proved to answer exactly as it does."""
    description = describe("sklearn", model, sample, None)
    result = compile_tree("sklearn", model, SklearnRuntime(model, description.signature), description, folder)
    assert result is not None and result.path.is_file()
    assert result.proof.passed and result.proof.max_difference == 0
    return result


@pytest.mark.parametrize("labels", [Y, NAMES[Y], Y == 1, Y.astype(float)], ids=["int", "str", "bool", "float"])
def test_classes_keep_their_type_and_have_their_probabilities(labels: Any, tmp_path: Path) -> None:
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, labels)
    answers = compiled(model, X, tmp_path).runtime.predict(X.tolist())
    assert [(type(answer["label"]), answer["label"]) for answer in answers] == [
        (type(label), label) for label in model.predict(X).tolist()
    ]
    assert [list(answer["probabilities"].values()) for answer in answers] == model.predict_proba(X).tolist()


@pytest.mark.parametrize("kind", [DecisionTreeRegressor, ExtraTreeClassifier])
def test_other_trees_are_walked_too(kind: Any, tmp_path: Path) -> None:
    model = kind(random_state=0).fit(DIABETES, PROGRESSION)
    answers = compiled(model, DIABETES, tmp_path).runtime.predict(DIABETES.tolist())
    labels = [answer["label"] if isinstance(answer, dict) else answer for answer in answers]
    assert labels == model.predict(DIABETES).tolist()


def test_a_missing_value_goes_where_it_went_in_training(tmp_path: Path) -> None:
    holes = np.where(np.random.default_rng(0).random(X.shape) < 0.3, np.nan, X)
    model = DecisionTreeClassifier(random_state=0).fit(holes, Y)
    runtime = compiled(model, pd.DataFrame(holes, columns=list("abcd")), tmp_path).runtime
    rows = [[None if np.isnan(value) else value for value in row] for row in holes.tolist()]
    assert any(None in row for row in rows)
    assert [answer["label"] for answer in runtime.predict(rows)] == model.predict(holes).tolist()
    assert runtime.predict_values(holes) == runtime.predict(rows)


def test_a_tree_of_one_leaf_has_one_answer(tmp_path: Path) -> None:
    model = DecisionTreeRegressor().fit(X, np.full(len(X), 7.0))
    assert compiled(model, X, tmp_path).runtime.predict([X[0].tolist()] * 2) == [7.0, 7.0]


def test_whole_numbers_are_compared_as_scikit_learn_rounds_them(tmp_path: Path) -> None:
    whole = np.array([[2**24 + offset] for offset in range(8)])  # float32 holds every other one
    model = DecisionTreeClassifier(random_state=0).fit(whole, [0, 0, 0, 0, 1, 1, 1, 1])
    answers = compiled(model, whole, tmp_path).runtime.predict(whole.tolist())
    assert [answer["label"] for answer in answers] == model.predict(whole).tolist()


def test_what_is_no_single_small_tree_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forest = RandomForestClassifier(2, random_state=0).fit(X, Y)
    several = DecisionTreeClassifier().fit(X, np.stack([Y, Y], axis=1))
    huge = DecisionTreeRegressor().fit(np.array([[0.0], [1e17]]), [0, 1])
    for model, sample in [(forest, X), (several, X), (huge, np.array([[0.0], [1e17]]))]:
        assert walk_of(model, describe("sklearn", model, sample, None).signature) is None
    tree = DecisionTreeClassifier().fit(X, Y)
    monkeypatch.setattr(walk, "_MOST", tree.tree_.node_count - 1)
    assert walk_of(tree, describe("sklearn", tree, X, None).signature) is None
