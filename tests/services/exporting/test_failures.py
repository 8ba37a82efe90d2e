"""A model that can't be loaded, or can't be trusted to answer, is one line, and leaves everything as it was."""

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.packaging import children, stores
from tests.cli.terminal import Command
from tests.services.exporting.samples import AnotherEachTime, constant, iris


class Runs:
    """Unpickling it calls a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def pickled(folder: Path, value: Any) -> Path:
    """The value as a model file."""
    path = folder / "model.pkl"
    path.write_bytes(pickle.dumps(value))
    return path


def refused(modelport: Command, *arguments: object) -> str:
    """The last line of an export that fails; nothing of it is in the registry or the stores."""
    before = sorted(stores.home().rglob("*"))
    done = modelport("export", *arguments, "--allow-pickle", "--no-compile")
    assert (done.code, done.out) == (1, "")
    assert "Traceback" not in done.err
    assert sorted(stores.home().rglob("*")) == before
    assert modelport("list", "-o", "json").json() == []
    return done.err.splitlines()[-1].removeprefix("modelport: ")


def test_an_empty_file(modelport: Command, tmp_path: Path) -> None:
    (tmp_path / "empty.joblib").write_bytes(b"")
    assert "empty.joblib" in refused(modelport, tmp_path / "empty.joblib")


def test_a_truncated_pickle(modelport: Command, tmp_path: Path) -> None:
    model = iris(tmp_path)
    model.write_bytes(model.read_bytes()[:-500])
    assert refused(modelport, model).startswith("iris.joblib: truncated, or not a model")


def test_a_model_that_exits(modelport: Command, tmp_path: Path) -> None:
    assert "exit code 0" in refused(modelport, pickled(tmp_path, Runs(os._exit, 0)))


def test_a_model_that_crashes(modelport: Command, tmp_path: Path) -> None:
    model = pickled(tmp_path, Runs(os.abort))
    assert refused(modelport, model) == "the model crashed the process that loaded it (SIGABRT)"


def test_a_model_that_never_comes_back(modelport: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "TIMEOUT", 2)
    started = time.monotonic()
    model = pickled(tmp_path, Runs(time.sleep, 60))
    assert refused(modelport, model) == "the model took more than 2 s to load and answer"
    assert time.monotonic() - started < 55


def test_what_a_model_started_ends_with_it(modelport: Command, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    command = f"sleep 60 & echo $! > {noted}; exec sleep 0"
    refused(modelport, pickled(tmp_path, [Runs(os.system, command)]))
    stat = Path(f"/proc/{noted.read_text().strip()}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_module_that_is_not_installed(modelport: Command, tmp_path: Path) -> None:
    model = tmp_path / "model.pkl"
    model.write_bytes(b"cno_such_module\nThing\n.")
    assert refused(modelport, model) == "model.pkl needs the module `no_such_module`, which is not installed here"


def test_a_class_of_the_training_script(modelport: Command, tmp_path: Path) -> None:
    model = tmp_path / "model.pkl"
    model.write_bytes(b"c__main__\nJob\n.")
    assert refused(modelport, model).startswith("model.pkl")


def test_a_model_without_predict(modelport: Command, tmp_path: Path) -> None:
    assert "no `predict`" in refused(modelport, pickled(tmp_path, {"not": "a model"}))


def test_a_model_that_answers_nan(modelport: Command, tmp_path: Path) -> None:
    assert "NaN" in refused(modelport, constant(tmp_path, float("nan")))


@pytest.mark.slow
def test_a_model_that_answers_otherwise_when_it_is_served(modelport: Command, tmp_path: Path) -> None:
    line = refused(modelport, pickled(tmp_path, AnotherEachTime(constant(tmp_path, 1.0))))
    assert line == "the built Bento answers row 0 of the sample differently from the original model"


@pytest.mark.slow  # describing/test_labels.py and inference/test_sample.py hold what is said
def test_class_names_of_the_wrong_length(modelport: Command, tmp_path: Path) -> None:
    line = refused(modelport, iris(tmp_path), "--classes", "a,b")
    assert line.startswith("`--classes` gives 2 names, the model has 3 classes")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("other.csv", "a,b\n1,2\n", "the sample lacks columns that the model was fitted on"),
        ("bad.parquet", "x", "bad.parquet: can't be read as parquet"),
    ],
)
def test_a_sample_that_does_not_fit(modelport: Command, tmp_path: Path, name: str, content: str, reason: str) -> None:
    (tmp_path / name).write_text(content)
    assert reason in refused(modelport, iris(tmp_path), "--sample", tmp_path / name)


def test_the_child_is_told_no_secret(modelport: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_PEPPER", "p" * 40)
    seen = tmp_path / "seen"
    refused(modelport, pickled(tmp_path, Runs(os.system, f"env > {seen}")))
    assert "MODELPORT_HOME=" in seen.read_text()
    assert "MODELPORT_PEPPER" not in seen.read_text()
