"""scikit-learn models compile to graphs that answer as they do; where that isn't so, one line says why."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from services.inference.compilation import NotCompiled
from services.inference.compilation.compile import Compiled, compile_model
from services.inference.describing import describe
from services.inference.runtimes.sklearn import SklearnRuntime

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])
DIABETES, PROGRESSION = load_diabetes(return_X_y=True)
CANCER, BENIGN = load_breast_cancer(return_X_y=True)


def compiled(model: Any, sample: Any, folder: Path) -> Compiled:
    """The model compiled and proved; its graph answers the sample as the model itself does."""
    description = describe("sklearn", model, sample, None)
    original = SklearnRuntime(model, description.signature)
    result = compile_model("sklearn", model, original, description, folder)
    assert result.path.is_file()
    assert result.proof.passed and result.proof.rows >= len(description.rows)
    assert len(result.runtime.predict_values(description.values)) == len(description.rows)
    return result


@pytest.mark.parametrize("labels", [Y, NAMES[Y], Y == 1, Y.astype(float)], ids=["int", "str", "bool", "float"])
def test_labels_keep_their_type(labels: Any, tmp_path: Path) -> None:
    model = RandomForestClassifier(10, random_state=0).fit(X, labels)
    result = compiled(model, X, tmp_path)
    wanted = model.predict(X[:20]).tolist()
    got = [answer["label"] for answer in result.runtime.predict(X[:20].tolist())]
    assert got == wanted
    assert [type(label) for label in got] == [type(label) for label in wanted]


@pytest.mark.parametrize("model", [SVC(), LinearSVC(), KMeans(3, n_init=1)], ids=lambda model: type(model).__name__)
def test_labels_stand_alone_where_there_are_no_probabilities(model: Any, tmp_path: Path) -> None:
    result = compiled(model.fit(X, Y), X, tmp_path)
    assert result.runtime.predict(X[:50].tolist()) == [{"label": label} for label in model.predict(X[:50]).tolist()]


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (DecisionTreeClassifier(random_state=0), (X, Y)),
        (RandomForestClassifier(10, random_state=0), (CANCER, BENIGN)),  # votes of 5 to 5
        (RandomForestRegressor(10, random_state=0), (DIABETES, PROGRESSION)),
        (GradientBoostingClassifier(n_estimators=10), (X, Y)),
        (GradientBoostingClassifier(n_estimators=10, loss="exponential"), (CANCER, BENIGN)),
        (IsolationForest(n_estimators=20, max_features=0.5, random_state=0), (X, Y)),
    ],
    ids=["tree", "forest", "forest of numbers", "boosting", "exponential loss", "isolation"],
)
def test_trees_answer_exactly_as_the_original(model: Any, data: tuple[Any, Any], tmp_path: Path) -> None:
    proof = compiled(model.fit(*data), data[0], tmp_path).proof
    assert proof.max_difference is not None and proof.max_difference < 1e-15


@pytest.mark.parametrize(
    ("model", "targets"),
    [
        (HistGradientBoostingClassifier(max_iter=3), Y),
        (HistGradientBoostingClassifier(max_iter=5), Y == 1),
        (HistGradientBoostingRegressor(max_iter=5, loss="poisson"), Y),
        (make_pipeline(StandardScaler(), DecisionTreeClassifier()), Y),
        (LogisticRegression(max_iter=1000), Y),
    ],
    ids=["boosting", "of two classes", "with a link", "behind a scaler", "linear"],
)
def test_what_computes_in_float64_is_compiled_to_float64(model: Any, targets: Any, tmp_path: Path) -> None:
    assert compiled(model.fit(X, targets), X, tmp_path).proof.precision == "float64"


def test_missing_numbers_go_where_the_tree_learnt_to_send_them(tmp_path: Path) -> None:
    sample = X.copy()
    sample[::5, 2] = np.nan
    model = DecisionTreeClassifier(random_state=0).fit(sample, Y)
    runtime = compiled(model, sample, tmp_path).runtime
    assert runtime.predict([[5.1, 3.5, None, 0.2]])[0]["label"] == model.predict([[5.1, 3.5, np.nan, 0.2]])[0]


def table() -> Any:
    """Numbers, whole numbers, text with missing values, booleans; column names of all kinds."""
    generator = np.random.default_rng(0)
    city = generator.choice(["Rome", "Oslo", "Lima"], 200).astype(object)
    city[::7] = None
    income = generator.normal(size=200)
    income[::9] = np.nan
    columns = {"in come (€)": income, "age": generator.integers(18, 80, 200), "city": city, "class": income > 0}
    return pd.DataFrame(columns)


@pytest.mark.parametrize(
    "final", [LogisticRegression(max_iter=1000), RandomForestClassifier(5, random_state=0)], ids=["linear", "forest"]
)
@pytest.mark.parametrize(
    "text", [OneHotEncoder(handle_unknown="ignore"), "imputed"], ids=["missing is a category", "imputed"]
)
def test_a_table_of_numbers_and_text(text: Any, final: Any, tmp_path: Path) -> None:
    if text == "imputed":
        text = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer([("numbers", numbers, ["age", "in come (€)"]), ("text", text, ["city"])])
    sample = table()
    model = make_pipeline(columns, final).fit(sample, sample["age"] % 2)
    runtime = compiled(model, sample, tmp_path).runtime
    assert runtime.predict([[None, 30, None, False], [1.5, 30, "Paris", True]])[0]["label"] in (0, 1)


def test_text_by_its_words(tmp_path: Path) -> None:
    texts = ["Good film", "bad film, truly bad", "a good day", "BAD day", "nice, and good"] * 4
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000)).fit(texts, [1, 0, 1, 0, 1] * 4)
    compiled(model, pd.DataFrame({"text": texts}), tmp_path)


@pytest.mark.parametrize(
    "model", [RandomForestClassifier(3, random_state=0), MultiOutputClassifier(DecisionTreeClassifier(max_depth=2))]
)
def test_several_outputs_have_their_own_labels_and_probabilities(model: Any, tmp_path: Path) -> None:
    targets = np.stack([Y, (Y == 1).astype(int)], axis=1)
    runtime = compiled(model.fit(X, targets), X, tmp_path).runtime
    first, second = runtime.predict(X[:1].tolist())[0]
    assert (len(first["probabilities"]), len(second["probabilities"])) == (3, 2)


def test_several_numbers_a_row(tmp_path: Path) -> None:
    model = LinearRegression().fit(DIABETES, np.stack([PROGRESSION, -PROGRESSION], axis=1))
    assert np.shape(compiled(model, DIABETES, tmp_path).runtime.predict(DIABETES[:3].tolist())) == (3, 2)


def test_a_model_of_one_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"X": X[:, 0]})
    compiled(DecisionTreeClassifier(max_depth=2).fit(frame, Y), frame, tmp_path)


def test_what_has_no_converter_is_refused_in_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(NotCompiled, match="^there is no converter for KernelRidge$"):
        compiled(KernelRidge().fit(X, Y), X, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_column_that_is_called_like_an_output_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": X[:, 0], "other": X[:, 1]})
    columns = ColumnTransformer([("scaled", StandardScaler(), ["label", "other"])])
    with pytest.raises(NotCompiled, match="a column has the name of an output: label"):
        compiled(make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(frame, Y), frame, tmp_path)
