"""What is no model, or a dangerous one, ends in one ExportError line."""

import os
import pickle
import random
import sys
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from registry.errors import ExportError
from services.inference.runtimes import framework_of
from services.inference.runtimes.sklearn import load

X, Y = load_iris(return_X_y=True)


def line(path: Path) -> str:
    """The one line that loading the file ends in."""
    with pytest.raises(ExportError) as caught:
        load(path)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(),
        RandomForestClassifier(2),
        GradientBoostingClassifier(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=2),
        KNeighborsClassifier(),
        SVC(),
        MLPClassifier((2,), solver="lbfgs", max_iter=2000, alpha=1),
        CalibratedClassifierCV(GaussianNB(), cv=2),
        IsolationForest(n_estimators=2),
        make_pipeline(StandardScaler(), FunctionTransformer(np.log1p), DecisionTreeClassifier()),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore:lbfgs")
def test_a_skops_file_of_scikit_learn_s_own_types_loads(model: Any, tmp_path: Path) -> None:
    model.fit(X, Y)
    skops.io.dump(model, tmp_path / "model.skops")
    loaded = load(tmp_path / "model.skops")
    assert loaded.predict(X).tolist() == model.predict(X).tolist()


def held(vectorizer: Any) -> dict[str, Any]:
    """A model that holds it where `get_params` tells of it, and where it doesn't."""
    fitted = StandardScaler().fit([[0.0]])
    fitted.inner_ = [{"one": (np.array([None, vectorizer], dtype=object),)}]
    return {
        "as it is": vectorizer,
        "a step": make_pipeline(vectorizer, GaussianNB()),
        "an attribute": fitted,
    }


@pytest.mark.parametrize("where", ["as it is", "a step", "an attribute"])
@pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
def test_a_model_that_reads_the_files_that_a_request_names_is_refused(kind: Any, where: str, tmp_path: Path) -> None:
    for source in ("filename", "file"):
        skops.io.dump(held(kind(input=source))[where], tmp_path / "model.skops")
        assert f"its {kind.__name__} reads files" in line(tmp_path / "model.skops")
    skops.io.dump(held(kind())[where], tmp_path / "model.skops")
    load(tmp_path / "model.skops")


class Foreign(DecisionTreeClassifier):  # type: ignore[misc]
    """A class that is not scikit-learn's."""


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (FunctionTransformer(os.getcwd), "getcwd"),
        (FunctionTransformer(np.testing.rundocs), "rundocs"),
        (FunctionTransformer(np.load), "load"),
        (FunctionTransformer(joblib.load), "load"),
        (FunctionTransformer(load_iris), "load_iris"),
        (Foreign().fit(X, Y), "Foreign"),
        ([DecisionTreeClassifier().fit(X, Y), Path("secret")], "PosixPath"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_skops_file_with_anything_else_is_refused(model: Any, named: str, tmp_path: Path) -> None:
    skops.io.dump(model, tmp_path / "model.skops")
    assert named in line(tmp_path / "model.skops")


@pytest.mark.parametrize(
    "name", ["sklearn.datasets._base.Path", "sklearn.utils.os.system", "sklearn.x.Y", "numpy.load", "this.s"]
)
def test_a_foreign_type_behind_a_name_of_scikit_learn_is_refused(name: str, tmp_path: Path) -> None:
    skops.io.dump(DecisionTreeClassifier().fit(X, Y), tmp_path / "model.skops")
    module, _, attribute = name.rpartition(".")
    with zipfile.ZipFile(tmp_path / "model.skops") as source, zipfile.ZipFile(tmp_path / "bad.skops", "w") as target:
        for entry in source.namelist():
            data = source.read(entry)
            if entry == "schema.json":
                data = data.replace(b'"sklearn.tree._tree"', f'"{module}"'.encode()).replace(
                    b'"Tree"', f'"{attribute}"'.encode()
                )
            target.writestr(entry, data)
    assert line(tmp_path / "bad.skops")
    assert "this" not in sys.modules, "a module is not imported because a file names it"


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib", compress=3)
    joblib.dump(model, tmp_path / "model.pkl")
    skops.io.dump(model, tmp_path / "model.skops")
    chance = random.Random(0)
    for path in list(tmp_path.iterdir()):
        whole = path.read_bytes()
        for length in sorted({0, 1, 20, len(whole) - 20, *(chance.randrange(len(whole) - 20) for _ in range(8))}):
            path.write_bytes(whole[:length])
            assert line(path).startswith(path.name)
        path.write_bytes(
            b"PK\x03\x04" + whole[4:] if path.suffix != ".skops" else whole.replace(b"sklearn", b"skl3arn")
        )
        assert line(path).startswith(path.name)


def test_a_pickle_that_needs_a_module_names_it(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"cno_such_module\nThing\n.")
    assert line(tmp_path / "model.pkl") == "model.pkl needs the module `no_such_module`, which is not installed here"


def test_a_pickle_in_skops_clothes_is_not_unpickled(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(pickle.dumps(DecisionTreeClassifier()))
    assert line(tmp_path / "model.skops") == "model.skops: truncated, or not a skops file"


def test_the_framework_is_told_by_the_path(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").touch()
    known = {"a.joblib": "sklearn", "A.PKL": "sklearn", "a.keras": "keras", "a.H5": "keras", "a.onnx": "onnx"}
    for name, framework in {**known, "a.ubj": "xgboost", "a.json": "xgboost", "a.txt": "lightgbm"}.items():
        (tmp_path / name).touch()
        assert framework_of(tmp_path / name) == framework
    assert framework_of(tmp_path / "saved") == "keras"
    (tmp_path / "a.csv").touch()
    for wrong in ("a.csv", "missing.pkl", "."):
        with pytest.raises(ExportError):
            framework_of(tmp_path / wrong)
