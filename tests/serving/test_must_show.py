"""Every kind of model, exported by the command line into one home, answers over HTTP as it does in Python."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_digits, load_wine
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from tests.serving.conftest import ROOT, Server, Store, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


class Case(NamedTuple):
    """An exported model: its key, rows as JSON, and the predictions that they must get."""

    key: str
    rows: list[Any]
    predictions: list[Any]


Make = Callable[[Store, str], Case]


def export(store: Store, file: str, *options: str) -> str:
    """The key of the endpoint made of a file in the store's folder."""
    key: str = store.modelport("export", str(store.folder / file), *options, "-o", "json")["api_key"]
    return key


def export_sklearn(store: Store, name: str, model: Any, *options: str) -> str:
    """The key of the endpoint made of an estimator."""
    joblib.dump(model, store.folder / f"{name}.joblib")
    return export(store, f"{name}.joblib", "--allow-pickle", *options)


def classified(model: Any, rows: Any) -> list[Any]:
    """What a classifier says, as the API must say it."""
    names = [str(name) for name in model.classes_]
    return [
        {"label": label, "probabilities": dict(zip(names, probabilities, strict=True))}
        for label, probabilities in zip(model.predict(rows).tolist(), model.predict_proba(rows).tolist(), strict=True)
    ]


def people(count: int) -> pd.DataFrame:
    """Numbers and categories, with gaps in both."""
    draw = np.random.default_rng(0)
    data = pd.DataFrame(
        {
            "age": draw.integers(18, 80, count).astype(float),
            "income": draw.lognormal(10, 0.5, count),
            "plan": draw.choice(["free", "pro", "team"], count).astype(object),
            "city": draw.choice(["Bonn", "Graz", "Luzern", "Århus"], count).astype(object),
        }
    )
    for column in ("age", "plan"):
        data.loc[draw.random(count) < 0.2, column] = np.nan
    return data


def mixed_pipeline(store: Store, name: str) -> Case:
    """A Pipeline that fills the gaps of numeric and categorical columns."""
    data = people(400)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    categories = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("n", numbers, ["age", "income"]), ("c", categories, ["plan", "city"])])
    target = np.where((data["age"].fillna(50) > 50) ^ (data["plan"] == "pro"), "leaves", "stays")
    model = make_pipeline(columns, LogisticRegression()).fit(data, target)
    data.head(50).to_csv(store.folder / "people.csv", index=False)
    key = export_sklearn(store, name, model, "--sample", str(store.folder / "people.csv"))
    asked = pd.concat([data[data["age"].isna()].head(3), data[data["plan"].isna()].head(3), data.dropna().head(3)])
    return Case(key, json.loads(asked.to_json(orient="records")), classified(model, asked))


def wine_forest(store: Store, name: str) -> Case:
    """A RandomForest that knows its columns by name."""
    data = load_wine(as_frame=True)
    model = RandomForestClassifier(random_state=0).fit(data.data, data.target)
    asked = data.data.iloc[::30]
    return Case(export_sklearn(store, name, model), asked.to_dict("records"), classified(model, asked))


def diabetes_regressor(store: Store, name: str) -> Case:
    """A regressor that was trained on an array."""
    data = load_diabetes()
    model = GradientBoostingRegressor(random_state=0).fit(data.data, data.target)
    asked = data.data[::70]
    return Case(export_sklearn(store, name, model), asked.tolist(), model.predict(asked).tolist())


def digits_svc(store: Store, name: str) -> Case:
    """A classifier that knows no probabilities."""
    data = load_digits()
    model = SVC().fit(data.data, data.target)
    asked = data.data[::200]
    return Case(
        export_sklearn(store, name, model),
        asked.tolist(),
        [{"label": label} for label in model.predict(asked).tolist()],
    )


def isolation_forest(store: Store, name: str) -> Case:
    """An outlier detector, asked about ordinary rows and odd ones."""
    data = np.random.default_rng(0).normal(size=(300, 3))
    model = IsolationForest(random_state=0).fit(data)
    asked = np.vstack([data[:4], data[:2] + 9])
    labels = model.predict(asked).tolist()
    assert set(labels) == {1, -1}
    return Case(export_sklearn(store, name, model), asked.tolist(), [{"label": label} for label in labels])


def keras_digits(store: Store, name: str) -> Case:
    """A Keras classifier of images whose classes got names."""
    asked = json.loads((store.folder / "digits.json").read_text())
    key = export(store, "digits.keras", "--name", name, "--classes", ",".join(NAMES))
    said = [
        {"label": NAMES[int(np.argmax(answer))], "probabilities": dict(zip(NAMES, answer, strict=True))}
        for answer in asked["answers"]
    ]
    return Case(key, [row["image"] for row in asked["rows"]], said)


def keras_two_inputs(store: Store, name: str) -> Case:
    """A functional Keras model with two inputs, named in each row."""
    asked = json.loads((store.folder / "ink.json").read_text())
    return Case(export(store, "ink.keras", "--name", name), asked["rows"], [answer for (answer,) in asked["answers"]])


MODELS: list[Make] = [
    mixed_pipeline, wine_forest, diabetes_regressor, digits_svc, isolation_forest, keras_digits, keras_two_inputs,
]  # fmt: skip


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, Case]]:
    """A home into which every model was exported."""
    store = Store(tmp_path_factory.mktemp("shown"))
    train = [sys.executable, "-m", "tests.serving.keras_models", str(store.folder)]
    subprocess.run(train, cwd=ROOT, env=store.environment, check=True, capture_output=True)
    return store, {make.__name__: make(store, make.__name__) for make in MODELS}


@pytest.fixture(scope="module")
def hub(cases: tuple[Store, dict[str, Case]]) -> Iterator[Server]:
    """One hub that serves them all."""
    store, port = cases[0], free_port()
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port)]
    server = Server(store, "", command, port, store.folder / "server.log")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize("name", [make.__name__ for make in MODELS])
def test_the_api_gives_the_models_own_numbers(cases: tuple[Store, dict[str, Case]], hub: Server, name: str) -> None:
    case = cases[1][name]
    path, headers = f"/api/predict/{name}", {"X-API-Key": case.key}
    together = hub.client.post(path, json={"instances": case.rows}, headers=headers)
    assert together.status_code == 200, together.text
    assert len(case.rows) >= 6
    same(together.json()["predictions"], case.predictions)
    for row, prediction in zip(case.rows, case.predictions, strict=True):
        alone = hub.client.post(path, json={"instances": [row]}, headers=headers)
        same(alone.json()["predictions"], [prediction])


def same(answered: list[Any], wanted: list[Any]) -> None:
    """Labels are equal and of one type, floats are equal to 1e-5."""
    assert len(answered) == len(wanted)
    for one, other in zip(answered, wanted, strict=True):
        if not isinstance(other, dict):
            assert one == pytest.approx(other, rel=1e-5)
            continue
        assert (one["label"], type(one["label"])) == (other["label"], type(other["label"]))
        assert set(one) == set(other)
        if "probabilities" in other:
            # A probability that is all but zero is the difference of larger numbers.
            assert one["probabilities"] == pytest.approx(other["probabilities"], rel=1e-5, abs=1e-7)


def test_a_missing_value_is_null_in_the_rows(cases: tuple[Store, dict[str, Case]]) -> None:
    rows = cases[1]["mixed_pipeline"].rows
    assert {name for row in rows for name, value in row.items() if value is None} == {"age", "plan"}
