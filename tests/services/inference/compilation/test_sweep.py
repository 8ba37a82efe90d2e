"""Every scikit-learn estimator with `predict`, as its defaults make it: compiled with proof, or refused in one line."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import is_regressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.utils import all_estimators

from services.inference.compilation import NotCompiled
from services.inference.compilation.compile import compile_model
from services.inference.compilation.proof import prove
from services.inference.describing import describe
from services.inference.runtimes.sklearn import SklearnRuntime

IRIS, DIABETES = load_iris(return_X_y=True), load_diabetes(return_X_y=True)

# Of 90, 76 here; what converges, and so what a default fit amounts to, depends a little on the BLAS.
AT_LEAST = 74
MUST = {
    "DecisionTreeClassifier",
    "GradientBoostingClassifier",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "IsolationForest",
    "KMeans",
    "LinearSVC",
    "LogisticRegression",
    "MLPClassifier",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "SVC",
}


def fitted() -> Iterator[tuple[str, Any, Any]]:
    """The estimators that need no argument and fit, with what they were fitted on."""
    for name, found in all_estimators():
        if not hasattr(found, "predict"):
            continue
        try:
            model = found()
            sample, targets = DIABETES if is_regressor(model) else IRIS
            model.fit(sample, targets)
            model.predict(sample[:1])
        except Exception:  # it wants an estimator or other targets
            continue
        yield name, model, sample


def others(sample: Any) -> list[Any]:
    """Rows that the proof did not see: between rows of the sample, and around them."""
    generator = np.random.default_rng(12345)
    one, two = generator.permutation(sample), generator.permutation(sample)
    between = one + generator.random((len(sample), 1)) * (two - one)
    around = sample + generator.normal(size=sample.shape) * sample.std(axis=0)
    rows: list[Any] = np.concatenate([between, around]).tolist()
    return rows


@pytest.mark.slow
def test_most_estimators_compile_none_answers_wrongly_and_the_rest_is_refused_in_a_line(tmp_path: Path) -> None:
    compiled, refused = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model, sample in fitted():
            description = describe("sklearn", model, sample, None)
            original = SklearnRuntime(model, description.signature)
            try:
                result = compile_model("sklearn", model, original, description, tmp_path)
            except NotCompiled as refusal:
                refused[name] = str(refusal)
                continue
            compiled[name] = prove(original, result.runtime, others(sample), result.proof.precision, len(sample))
    for name, reason in refused.items():
        print(f"{name}: {reason}")
    assert {name: proof.reason for name, proof in compiled.items() if not proof.passed} == {}
    assert len(compiled) >= AT_LEAST and not MUST - set(compiled)
    assert all(reason and "\n" not in reason for reason in refused.values())
