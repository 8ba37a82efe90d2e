"""A value that an encoder would fail on is refused before it gets there; any other text is let through."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from registry.errors import ExportError, InvalidInput, ModelError
from services.inference.describing import describe
from services.inference.instances import InstanceReader
from services.inference.runtimes.sklearn import SklearnRuntime
from services.inference.signature import Field

FRAME = pd.DataFrame({"age": np.arange(12.0), "city": ["Bonn", "Kiel", "Ulm"] * 4, "rooms": [1, 2] * 6})
TARGET = [0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0]


def fields(model: Any, sample: Any = FRAME) -> dict[str, Field]:
    """The fields, once the model has been shown to answer or to refuse, never to fail, on an unknown city."""
    signature = describe("sklearn", model, sample, None).signature
    read, runtime = InstanceReader(signature), SklearnRuntime(model, signature)
    row = dict(signature.example)
    assert runtime.predict(read.rows(row))
    try:
        rows = read.rows(row | {"city": "Atlantis"})
    except InvalidInput:
        assert any(field.categories for field in signature.inputs)
    else:
        assert runtime.predict(rows)
    return {field.name: field for field in signature.inputs}


def on(selector: Any, step: Any) -> Any:
    """A ColumnTransformer that sends some columns to `step` and lets the others pass."""
    return ColumnTransformer([("chosen", step, selector)], remainder="passthrough")


@pytest.mark.parametrize(
    "selector",
    [
        ["city"],
        [1],
        [-2],
        slice(1, 2),
        slice("city", "city"),
        [False, True, False],
        np.array([False, True, False]),
        np.array(["city"], dtype=object),
        make_column_selector("city"),
        lambda frame: ["city"],
    ],
    ids=lambda selector: type(selector).__name__ + str(selector)[:12],
)
def test_an_encoder_s_column_is_found_however_it_was_selected(selector: Any) -> None:
    model = make_pipeline(on(selector, OneHotEncoder()), GaussianNB()).fit(FRAME, TARGET)
    found = fields(model)
    assert found["city"].categories == ("Bonn", "Kiel", "Ulm")
    assert found["rooms"].categories is found["age"].categories is None


STEPS: dict[str, Callable[[], Any]] = {
    "ordinal": OrdinalEncoder,
    "imputed": lambda: make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
    "nested": lambda: make_pipeline(make_pipeline(OneHotEncoder()), StandardScaler(with_mean=False)),
    "transformer in transformer": lambda: ColumnTransformer([("inner", OneHotEncoder(), ["city"])]),
    "union": lambda: FeatureUnion([("one", OneHotEncoder()), ("two", OrdinalEncoder())]),
    "hidden behind a function": lambda: make_pipeline(FunctionTransformer(lambda f: f.copy()), OneHotEncoder()),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_an_encoder_is_found_wherever_it_stands(step: Callable[[], Any]) -> None:
    model = make_pipeline(on(["city"], step()), GaussianNB()).fit(FRAME, TARGET)
    assert fields(model)["city"].categories == ("Bonn", "Kiel", "Ulm")


def test_an_encoder_is_found_in_a_search() -> None:
    pipeline = make_pipeline(on(["city"], OneHotEncoder()), GaussianNB())
    search = GridSearchCV(pipeline, {"gaussiannb__var_smoothing": [1e-9]}, cv=2).fit(FRAME, TARGET)
    assert fields(search)["city"].categories == ("Bonn", "Kiel", "Ulm")


LENIENT: dict[str, Callable[[], Any]] = {
    "ignore": lambda: OneHotEncoder(handle_unknown="ignore"),
    "infrequent": lambda: OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2),
    "a value of its own": lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
}


@pytest.mark.parametrize("encoder", LENIENT.values(), ids=list(LENIENT))
def test_an_encoder_that_takes_unknown_values_leaves_the_column_open(encoder: Callable[[], Any]) -> None:
    model = make_pipeline(on(["city"], encoder()), GaussianNB()).fit(FRAME, TARGET)
    assert fields(model)["city"].categories is None
    assert fields(model)["city"].seen == ("Bonn", "Kiel", "Ulm")


def test_free_text_stays_open() -> None:
    model = make_pipeline(ColumnTransformer([("text", TfidfVectorizer(), "city")]), GaussianNB())
    assert fields(model.fit(FRAME, TARGET))["city"].categories is None


def test_whole_numbers_and_truth_values_can_be_categories() -> None:
    frame = FRAME.assign(city=[True, False, True] * 4)
    model = make_pipeline(on(["rooms", "city"], OneHotEncoder()), GaussianNB()).fit(frame, TARGET)
    signature = describe("sklearn", model, frame, None).signature
    found = {field.name: field.categories for field in signature.inputs}
    assert found == {"age": None, "city": (False, True), "rooms": (1, 2)}


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_missing_category_is_null(missing: Any) -> None:
    for values in (["Bonn", missing, "Kiel"] * 4, pd.Series(["Bonn", missing, "Kiel"] * 4, dtype="str")):
        frame = FRAME.assign(city=values)
        model = make_pipeline(on(["city"], OneHotEncoder()), GaussianNB()).fit(frame, TARGET)
        city = fields(model, frame)["city"]
        assert (city.nullable, city.categories) == (True, ("Bonn", "Kiel"))
        signature = describe("sklearn", model, frame, None).signature
        rows = InstanceReader(signature).rows({"instances": [[0.0, None, 1], [1.0, "Bonn", 2]]})
        got = SklearnRuntime(model, signature).predict(rows)
        assert [row["label"] for row in got] == model.predict(
            frame.iloc[[1, 0]].assign(age=[0.0, 1.0], rooms=[1, 2])
        ).tolist()


def test_a_missing_truth_value_is_the_nan_that_the_encoder_was_fitted_on() -> None:
    frame = FRAME.assign(city=pd.Series([True, np.nan, False] * 4, dtype=object))
    model = make_pipeline(on(["city"], OneHotEncoder()), GaussianNB()).fit(frame, TARGET)
    description = describe("sklearn", model, frame, None)
    assert description.rows[1] == (1.0, None, 2)
    got = SklearnRuntime(model, description.signature).predict(description.rows)
    assert [row["label"] for row in got] == model.predict(frame).tolist()


def test_categories_follow_the_sample_s_type_where_numbers_are_missing() -> None:
    frame = FRAME.assign(rooms=[1.0, 2.0, np.nan] * 4)
    step = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    model = make_pipeline(ColumnTransformer([("rooms", step, ["rooms"])]), GaussianNB()).fit(frame, TARGET)
    rooms = describe("sklearn", model, frame, None).signature.inputs[-1]
    assert (rooms.dtype, rooms.nullable, rooms.categories) == ("float64", True, (1.0, 2.0))


def test_text_without_a_sample_is_refused_saying_so() -> None:
    for encoder in (OneHotEncoder(), OneHotEncoder(handle_unknown="ignore"), TfidfVectorizer()):
        columns = "city" if isinstance(encoder, TfidfVectorizer) else ["city"]
        model = make_pipeline(on(columns, encoder), GaussianNB()).fit(FRAME, TARGET)
        with pytest.raises(ExportError, match=r"text columns.*--sample"):
            describe("sklearn", model, None, None)


def test_a_model_that_fails_beyond_float32_is_never_asked_to() -> None:
    frame = FRAME[["age"]]
    tree = DecisionTreeClassifier().fit(frame, TARGET)
    signature = describe("sklearn", tree, frame, None).signature
    with pytest.raises(ModelError):
        SklearnRuntime(tree, signature).predict([(1e300,)])
    with pytest.raises(InvalidInput):
        InstanceReader(signature)(b'{"age": 1e300}')
    boosted = HistGradientBoostingClassifier(max_iter=2).fit(frame, TARGET)
    assert describe("sklearn", boosted, frame, None).signature.inputs[0].largest is None
