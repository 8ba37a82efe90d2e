"""XGBoost and LightGBM models compile to graphs that answer as they do, missing values included."""

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier

from services.inference.compilation import NotCompiled
from services.inference.compilation.compile import Compiled, compile_model
from services.inference.describing import describe
from services.inference.runtimes import Runtime
from services.inference.runtimes.onnx import OnnxRuntime
from services.inference.runtimes.session import open_session
from services.inference.runtimes.sklearn import predicting
from services.inference.runtimes.xgboost import estimator

IRIS, KINDS = load_iris(return_X_y=True)
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
CANCER, BENIGN = CANCER[::2, :4], BENIGN[::2]
DIABETES, PROGRESSION = load_diabetes(return_X_y=True)
HOLES = np.where(np.random.default_rng(0).random(CANCER.shape) < 0.1, np.nan, CANCER)
QUIET: dict[str, Any] = {"verbose": -1, "n_estimators": 8, "n_jobs": 1}


def both(model: Any, sample: Any, folder: Path) -> tuple[Runtime, Compiled]:
    """The model as its library predicts with it, and compiled."""
    library = type(model[-1] if hasattr(model, "steps") else model).__module__.partition(".")[0]
    description = describe(library, model, sample, None)
    original = predicting(model, description.signature)
    return original, compile_model(library, model, original, description, folder)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (XGBClassifier(n_estimators=8, n_jobs=1), (CANCER, BENIGN)),
        (XGBClassifier(n_estimators=8, n_jobs=1), (HOLES, BENIGN)),
        (XGBClassifier(n_estimators=4, n_jobs=1), (IRIS, KINDS)),
        (XGBClassifier(n_estimators=3, n_jobs=1, num_parallel_tree=2, subsample=0.5), (IRIS, KINDS)),
        (XGBClassifier(n_estimators=8, n_jobs=1, missing=0.0), (np.where(CANCER > 100, 0, CANCER), BENIGN)),
        (XGBClassifier(n_estimators=8, n_jobs=1, gamma=2, tree_method="exact"), (CANCER, BENIGN)),
        (XGBRFClassifier(n_estimators=8, n_jobs=1), (CANCER, BENIGN)),
        (XGBRegressor(n_estimators=8, n_jobs=1, objective="count:poisson"), (DIABETES, PROGRESSION)),
        (make_pipeline(StandardScaler(), XGBClassifier(n_estimators=4, n_jobs=1)), (CANCER, BENIGN)),
        (LGBMClassifier(**QUIET), (CANCER, BENIGN)),
        (LGBMClassifier(**QUIET), (HOLES, BENIGN)),
        (LGBMClassifier(**QUIET, use_missing=False), (HOLES, BENIGN)),
        (LGBMClassifier(**QUIET), (IRIS, np.array(["setosa", "versicolor", "virginica"])[KINDS])),
        (LGBMClassifier(**QUIET, objective="multiclassova", sigmoid=2.0), (IRIS, KINDS)),
        (LGBMClassifier(**QUIET, boosting_type="rf", bagging_freq=1, bagging_fraction=0.5), (CANCER, BENIGN)),
        (LGBMRegressor(**QUIET, objective="poisson"), (DIABETES, PROGRESSION)),
        (make_pipeline(StandardScaler(), LGBMClassifier(**QUIET)), (CANCER, BENIGN)),
    ],
    ids=[
        "xgboost binary", "xgboost with holes", "xgboost classes", "xgboost forests", "xgboost zero is missing",
        "xgboost pruned", "xgboost forest", "xgboost counts", "xgboost pipeline",
        "lightgbm binary", "lightgbm with holes", "lightgbm holes are zeros", "lightgbm text classes",
        "lightgbm one against all", "lightgbm forest", "lightgbm counts", "lightgbm pipeline",
    ],
)  # fmt: skip
def test_the_compiled_model_agrees(model: Any, data: tuple[Any, Any], tmp_path: Path) -> None:
    sample, targets = data
    _, compiled = both(model.fit(sample, targets), sample, tmp_path)
    assert compiled.proof.labels_equal
    assert compiled.proof.max_difference is not None and compiled.proof.max_difference < 3e-7


@pytest.mark.parametrize(
    ("model", "targets"),
    [
        (XGBRegressor(n_estimators=8, n_jobs=1), PROGRESSION),
        (XGBRegressor(n_estimators=4, n_jobs=1), np.c_[PROGRESSION, -PROGRESSION]),
        (XGBRegressor(n_estimators=4, n_jobs=1, objective="reg:quantileerror", quantile_alpha=[0.1, 0.9]), PROGRESSION),
        (LGBMRegressor(**QUIET), PROGRESSION),
        (LGBMRegressor(**QUIET, reg_sqrt=True), PROGRESSION - 150),
    ],
    ids=["xgboost", "xgboost two targets", "xgboost quantiles", "lightgbm", "lightgbm of the root"],
)
def test_sums_are_the_same_in_the_last_bit(model: Any, targets: Any, tmp_path: Path) -> None:
    original, compiled = both(model.fit(DIABETES, targets), DIABETES, tmp_path)
    assert compiled.proof.max_difference == 0
    assert compiled.runtime.predict(DIABETES.tolist()) == original.predict(DIABETES.tolist())


@pytest.fixture(scope="module", params=["xgboost", "lightgbm"])
def pair(request: pytest.FixtureRequest) -> tuple[Runtime, Runtime, list[float]]:
    """A classifier fitted on data with holes, as it is and compiled, and some of the values at which its trees turn."""
    from services.inference.compilation.ensemble import ensemble_of
    from services.inference.compilation.sklearn import convert

    model = XGBClassifier(n_estimators=8, n_jobs=1) if request.param == "xgboost" else LGBMClassifier(**QUIET)
    model.fit(HOLES, BENIGN)
    signature = describe(request.param, model, HOLES, None).signature
    compiled = OnnxRuntime(open_session(convert(model, signature, "float64")), signature)
    ensemble = ensemble_of(model)
    assert ensemble is not None
    turns = np.concatenate([tree.threshold[~tree.is_leaf] for tree in ensemble.trees])
    return predicting(model, signature), compiled, turns.tolist()


@given(data=st.data())
@settings(max_examples=60)
def test_any_row_is_answered_alike(pair: tuple[Runtime, Runtime, list[float]], data: st.DataObject) -> None:
    original, compiled, turns = pair
    near = st.builds(
        lambda turn, side: float(np.nextafter(turn, side)), st.sampled_from(turns), st.sampled_from([-1e9, 1e9])
    )
    value = st.none() | st.sampled_from(turns) | near | st.floats(-1e38, 1e38)
    rows = [data.draw(st.tuples(*[value] * CANCER.shape[1]))]
    wanted, got = original.predict(rows), compiled.predict(rows)
    assert [answer["label"] for answer in got] == [answer["label"] for answer in wanted]
    assert got[0]["probabilities"] == pytest.approx(wanted[0]["probabilities"], abs=3e-7)


@pytest.mark.parametrize("final", [XGBClassifier(n_estimators=8, n_jobs=1), LGBMClassifier(**QUIET)])
def test_what_a_sparse_row_leaves_out_is_missing_for_xgboost_alone(final: Any, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    plan, balance = generator.choice(list("abcdefgh"), 200), generator.normal(size=200) * (np.arange(200) % 3 > 0)
    frame = pd.DataFrame({"plan": plan, "balance": balance})
    encode = make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough", sparse_threshold=1.0)
    model = make_pipeline(encode, final).fit(frame, (plan == "a") ^ (balance > 0.1))
    assert hasattr(encode.transform(frame), "tocsr")
    _, compiled = both(model, frame, tmp_path)
    assert compiled.proof.passed


def test_an_early_end_is_kept(tmp_path: Path) -> None:
    train, held = (CANCER[:200], BENIGN[:200]), (CANCER[200:], BENIGN[200:])
    one = XGBClassifier(n_estimators=100, n_jobs=1, early_stopping_rounds=3)
    one.fit(*train, eval_set=[held], verbose=False)
    assert one.best_iteration + 1 < one.get_booster().num_boosted_rounds()
    stop = lightgbm.early_stopping(3, verbose=False)
    other = LGBMClassifier(n_estimators=100, n_jobs=1, learning_rate=0.3, verbose=-1)
    other.fit(*train, eval_X=held[0], eval_y=held[1], callbacks=[stop])
    assert other.best_iteration_ < 100
    for model in (one, other):
        _, compiled = both(model, CANCER, tmp_path)
        assert compiled.proof.passed


def test_floats_may_be_missing_and_names_are_the_samples() -> None:
    frame = load_iris(as_frame=True).data  # with spaces in its names, which LightGBM doesn't keep
    frame["flowers"] = np.arange(150)
    for model in (XGBClassifier(n_estimators=2, n_jobs=1), LGBMClassifier(**QUIET)):
        signature = describe("xgboost", model.fit(frame, KINDS), frame, None).signature
        assert {field.name: field.nullable for field in signature.inputs} == {
            "sepal length (cm)": True, "sepal width (cm)": True, "petal length (cm)": True, "petal width (cm)": True,
            "flowers": False,  # whole numbers as the sample has them
        }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (XGBRegressor(n_estimators=2, n_jobs=1, booster="gblinear"), "XGBoost's gblinear has no ONNX form here"),
        (XGBClassifier(n_estimators=2, n_jobs=1, booster="dart"), "XGBoost's dart has no ONNX form here"),
        (
            XGBClassifier(n_estimators=2, n_jobs=1, objective="binary:hinge"),
            "the objective binary:hinge has no ONNX form here",
        ),
        (LGBMClassifier(**QUIET, zero_as_missing=True), "`zero_as_missing` has no ONNX form here"),
        (LGBMRegressor(**QUIET, linear_tree=True), "linear trees have no ONNX form here"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_form_is_refused_in_one_line(model: Any, reason: str, tmp_path: Path) -> None:
    rows = np.where(CANCER > 100, 0, CANCER)
    with pytest.raises(NotCompiled, match=f"^{reason}$"):
        both(model.fit(rows, BENIGN), rows, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_splits_on_categories_are_refused(tmp_path: Path) -> None:
    rows = np.c_[np.arange(400) % 4, np.linspace(0, 1, 400)]
    targets = (rows[:, 0] == 1).astype(int)
    matrix = xgboost.DMatrix(rows, targets, feature_types=["c", "q"], enable_categorical=True)
    one = estimator(xgboost.train({"objective": "binary:logistic"}, matrix, 3))
    other = LGBMClassifier(**QUIET).fit(rows, targets, categorical_feature=[0])
    for model in (one, other):
        with pytest.raises(NotCompiled, match="^splits on categories have no ONNX form here$"):
            both(model, rows, tmp_path)
