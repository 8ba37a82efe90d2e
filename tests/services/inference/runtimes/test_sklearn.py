"""Every kind of scikit-learn model answers exactly what its own `predict` and `predict_proba` answer."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic_core import to_json
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_linnerud
from sklearn.ensemble import (
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from registry.errors import ExportError, ModelError
from services.inference.describing import describe
from services.inference.predictions import class_key
from services.inference.runtimes.sklearn import SklearnRuntime

X, Y = load_iris(return_X_y=True)
FRAME = load_breast_cancer(as_frame=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])


def served(model: Any, sample: Any, classes: list[str] | None = None) -> list[Any]:
    """What an endpoint answers for the sample, through JSON and back."""
    description = describe("sklearn", model, sample, classes)
    runtime = SklearnRuntime(model, description.signature)
    predictions = runtime.predict(description.rows)
    assert len(runtime.predict_values(description.values)) == len(predictions)
    answer: list[Any] = json.loads(to_json(predictions))
    return answer


@pytest.mark.parametrize("labels", [Y, NAMES[Y], Y == 1, Y.astype(float)], ids=["int", "str", "bool", "float"])
@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(max_depth=2),
        ExtraTreeClassifier(max_depth=3),
        RandomForestClassifier(5, random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(5, max_depth=2, random_state=0)),
        GradientBoostingClassifier(n_estimators=3),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=3),
        CalibratedClassifierCV(LinearSVC(), cv=3),
        KNeighborsClassifier(4),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_classifier_keeps_labels_their_type_and_probabilities(model: Any, labels: Any) -> None:
    model.fit(X, labels)
    keys = [class_key(label) for label in model.classes_.tolist()]
    chances = [dict(zip(keys, row, strict=True)) for row in model.predict_proba(X[:100]).tolist()]
    wanted = model.predict(X[:100]).tolist()
    got = served(model, X)
    assert [type(row["label"]) for row in got] == [type(label) for label in wanted]
    assert got == [{"label": label, "probabilities": p} for label, p in zip(wanted, chances, strict=True)]


@pytest.mark.parametrize("model", [SVC(), RidgeClassifier(), LinearSVC()], ids=lambda model: type(model).__name__)
def test_without_probabilities_a_label_stands_alone(model: Any) -> None:
    model.fit(X, Y)
    assert served(model, X) == [{"label": label} for label in model.predict(X[:100]).tolist()]


def test_classes_can_be_given_names() -> None:
    model = DecisionTreeClassifier(random_state=0).fit(X, Y)
    got = served(model, X, classes=NAMES.tolist())
    assert [row["label"] for row in got] == NAMES[model.predict(X[:100])].tolist()
    assert list(got[0]["probabilities"]) == NAMES.tolist()


@pytest.mark.parametrize("names", [["a", "b"], ["a", "a", "b"]])
def test_names_must_be_as_many_as_classes_and_differ(names: list[str]) -> None:
    with pytest.raises(ExportError, match="--classes"):
        describe("sklearn", DecisionTreeClassifier().fit(X, Y), X, names)


@pytest.mark.parametrize("model", [LinearRegression(), SVR(), DecisionTreeRegressor()])
def test_a_regressor_answers_a_number(model: Any) -> None:
    data = load_diabetes(as_frame=True)
    model.fit(data.data, data.target)
    columnwise = pd.DataFrame(data.data.head(100).to_dict("list"))  # BLAS adds up in the order of the memory
    assert served(model, data.data) == model.predict(columnwise).tolist()


def test_several_targets_are_a_list_and_one_column_is_a_number() -> None:
    features, targets = load_linnerud(return_X_y=True)
    model = LinearRegression().fit(features, targets)
    assert served(model, features) == model.predict(features).tolist()
    model = LinearRegression().fit(features, targets[:, :1])
    assert served(model, features) == model.predict(features)[:, 0].tolist()


def test_clusters_and_outliers_are_labels() -> None:
    for model in (KMeans(3, n_init=1, random_state=0).fit(X), IsolationForest(n_estimators=5, random_state=0).fit(X)):
        assert served(model, X) == [{"label": label} for label in model.predict(X[:100]).tolist()]


def test_several_outputs_of_a_classifier_are_a_list() -> None:
    targets = np.stack([NAMES[Y], np.where(Y == 1, "yes", "no")], axis=1)
    for model in (MultiOutputClassifier(GaussianNB()), RandomForestClassifier(3, random_state=0)):
        model.fit(X, targets)
        got, chances = served(model, X), model.predict_proba(X[:100])
        assert [[part["label"] for part in row] for row in got] == model.predict(X[:100]).tolist()
        for index in (0, 1):
            assert [list(row[index]["probabilities"].values()) for row in got] == chances[index].tolist()


@pytest.mark.parametrize("model", [OneVsRestClassifier(GaussianNB()), ClassifierChain(GaussianNB())])
def test_a_multi_label_classifier_says_0_or_1_for_each_label(model: Any) -> None:
    model.fit(X, np.stack([Y == 0, Y > 0], axis=1).astype(int))
    got = served(model, X)
    assert [[part["label"] for part in row] for row in got] == model.predict(X[:100]).tolist()
    assert [[part["probabilities"]["1"] for part in row] for row in got] == model.predict_proba(X[:100]).tolist()


def test_numbers_alone_need_no_sample() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME.data, FRAME.target)
    signature = describe("sklearn", model, None, None).signature
    assert [field.name for field in signature.inputs] == list(FRAME.data.columns)
    row = tuple(FRAME.data.iloc[0].tolist())
    [answer] = SklearnRuntime(model, signature).predict([row])
    assert list(answer["probabilities"].values()) == model.predict_proba(FRAME.data.head(1))[0].tolist()


class Doubtful(LinearRegression):  # type: ignore[misc]
    """Answers NaN for negative numbers, fails on 13, loses rows above 99."""

    def predict(self, rows: Any) -> Any:
        if (np.asarray(rows) == 13).any():
            raise ZeroDivisionError
        return np.where(rows[rows < 99] < 0, np.nan, 1.0)


@pytest.mark.parametrize("value", [-1.0, 13.0, 100.0])
def test_a_model_that_fails_is_a_model_error(value: float) -> None:
    model = Doubtful().fit(np.ones((3, 1)), np.ones(3))
    runtime = SklearnRuntime(model, describe("sklearn", model, np.ones((3, 1)), None).signature)
    assert runtime.predict([(1.0,)]) == [1.0]
    with pytest.raises(ModelError):
        runtime.predict([(value,)])


def test_a_frame_reaches_the_model_with_its_names_and_types() -> None:
    frame = pd.DataFrame({"b": np.arange(4), "a": np.arange(4, dtype="float32")})
    model = LinearRegression().fit(frame, [1, 2, 3, 4])
    signature = describe("sklearn", model, frame[["a", "b"]], None).signature
    assert [(field.name, field.dtype) for field in signature.inputs] == [("b", "int64"), ("a", "float32")]


def test_the_sample_as_the_user_holds_it_gives_the_same_answers() -> None:
    for sample in (X, FRAME.data):
        model = RandomForestClassifier(3, random_state=0).fit(sample, FRAME.target[: len(sample)])
        description = describe("sklearn", model, sample, None)
        runtime = SklearnRuntime(model, description.signature)
        assert runtime.predict(description.rows) == runtime.predict_values(description.values)
