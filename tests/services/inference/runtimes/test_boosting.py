"""XGBoost's and LightGBM's own files answer as the estimators that were saved; what is no such file is refused."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_iris

from registry.errors import ExportError
from services.inference.describing import describe
from services.inference.runtimes import framework_of, load_runtime

X, Y = load_iris(return_X_y=True)
TRAINED: dict[str, Any] = {
    "xgboost classes": xgboost.XGBClassifier(n_estimators=3).fit(X, Y),
    "xgboost binary": xgboost.XGBClassifier(n_estimators=3).fit(X, Y == 1),
    "xgboost numbers": xgboost.XGBRegressor(n_estimators=3).fit(X, X[:, 0] * 2),
    "lightgbm classes": lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, Y),
    "lightgbm binary": lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, (Y == 1).astype(int)),
    "lightgbm numbers": lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(X, X[:, 0] * 2),
}


def save(model: Any, path: Path) -> Path:
    """The model in the form that the file's name says."""
    if path.suffix == ".joblib":
        joblib.dump(model, path)
    elif path.suffix == ".txt":
        model.booster_.save_model(path)
    else:
        model.save_model(path)
    return path


def answers(path: Path) -> list[Any]:
    """What the export of the file would predict."""
    framework = framework_of(path)
    loaded = load(path)
    return load_runtime(framework, path, describe(framework, loaded, X, None).signature).predict(X.tolist())


def load(path: Path) -> Any:
    """The estimator in a file."""
    from services.inference.runtimes import lightgbm as lightgbm_files
    from services.inference.runtimes import xgboost as xgboost_files

    return (lightgbm_files if path.suffix == ".txt" else xgboost_files).load(path)


@pytest.mark.parametrize(
    ("trained", "suffix"),
    [(name, suffix) for name in TRAINED for suffix in ((".ubj", ".json") if "xgb" in name else (".txt",))],
)
def test_a_librarys_own_file_answers_as_the_estimator(trained: str, suffix: str, tmp_path: Path) -> None:
    model = TRAINED[trained]
    pickled = answers(save(model, tmp_path / "model.joblib"))
    assert answers(save(model, tmp_path / f"model{suffix}")) == pickled


def test_the_classes_of_a_bare_booster_have_probabilities(tmp_path: Path) -> None:
    booster = xgboost.train({"objective": "multi:softmax", "num_class": 3}, xgboost.DMatrix(X, Y), 3)
    booster.save_model(tmp_path / "bare.ubj")
    joblib.dump(booster, tmp_path / "bare.joblib")
    wanted = booster.predict(xgboost.DMatrix(X)).astype(int).tolist()
    for name in ("bare.ubj", "bare.joblib"):
        got = answers(tmp_path / name)
        assert [answer["label"] for answer in got] == wanted
        assert all(list(answer["probabilities"]) == ["0", "1", "2"] for answer in got)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.json", b"[1, 2]"), ("object.json", b'{"learner": {}}'), ("no.json", b"{"), ("empty.ubj", b""),
        ("no.ubj", b"\x00\x01"), ("words.txt", b"some words\n"), ("empty.txt", b""),
    ],
)  # fmt: skip
def test_another_file_is_refused_in_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    library = "LightGBM" if name.endswith("txt") else "XGBoost"
    with pytest.raises(ExportError, match=f"^{name}: truncated, or not a model that {library} saved \\(\\w+\\)$"):
        load(path)


@pytest.mark.parametrize(("trained", "suffix"), [("xgboost binary", ".ubj"), ("lightgbm binary", ".txt")])
def test_half_a_file_is_refused(trained: str, suffix: str, tmp_path: Path) -> None:
    path = save(TRAINED[trained], tmp_path / f"half{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ExportError, match=f"^half{suffix}: truncated"):
        load(path)


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    pickled = save(TRAINED["lightgbm binary"], tmp_path / "one.joblib")
    native = save(TRAINED["xgboost binary"], tmp_path / "other.ubj")
    script = f"""
import sys
from pathlib import Path
sys.modules["lightgbm"] = sys.modules["xgboost"] = None  # as where they are not installed
from services.inference.runtimes import sklearn, xgboost
for load, path in ((sklearn.load, {str(pickled)!r}), (xgboost.load, {str(native)!r})):
    try:
        load(Path(path))
    except Exception as error:
        print(error)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert [line.partition(" needs ")[0] for line in said.splitlines()] == ["one.joblib", "other.ubj"]
    assert all(line.endswith("not installed here: `pip install modelport[boosting]`") for line in said.splitlines())


def test_text_classes_and_one_column_keep_their_form(tmp_path: Path) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(X, np.array(["a", "b", "c"])[Y])
    path = save(model, tmp_path / "model.joblib")
    assert {answer["label"] for answer in answers(path)} <= {"a", "b", "c"}
