"""What is refused before a model is loaded: one line on stderr, exit code 1, and no trace of the attempt."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.terminal import Command

PICKLE = "is a pickle: loading it runs whatever code is inside. Load only files you trust."


@pytest.fixture(autouse=True)
def files(home: Path) -> Path:
    """A folder with files that look like models."""
    folder = home.parent
    for name in ("model.skops", "model.joblib", "UPPER.skops", "123.skops", "model.bin", "rows.csv"):
        (folder / name).write_bytes(b"x")
    (folder / "plain").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "bentofile.yaml").write_text("service: [")
    return folder


def refused(modelport: Command, home: Path, *arguments: object) -> str:
    """The line with which a command refuses; nothing was made."""
    done = modelport("export", *arguments)
    assert done.code == 1
    assert not (home / "exports").exists()
    return done.line.removeprefix("modelport: ")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("missing.joblib", "missing.joblib: no such file"),
        ("plain", "plain: a folder must be a SavedModel (saved_model.pb) or a service (bentofile.yaml)"),
        ("model.bin", "model.bin: unknown model format; known are .joblib, .pkl"),
        ("123.skops", "'123' can't be an endpoint's name: only digits would be taken for an id"),
    ],
)
def test_a_path_that_is_no_model(modelport: Command, home: Path, model: str, reason: str) -> None:
    assert refused(modelport, home, model).startswith(reason)


@pytest.mark.parametrize("name", ["Churn", "a" * 64, "../up", "a/b", ".hidden", "a-", "", "a b", "ä", "a:b", "a\nb"])
def test_a_name_that_no_endpoint_can_have(modelport: Command, home: Path, name: str) -> None:
    line = refused(modelport, home, "model.skops", "--name", name)
    assert line.startswith(f"{name!r} can't be an endpoint's name: up to 63 of a-z")


@pytest.mark.parametrize("limit", ["100", "0/minute", "many/minute", "1/year", "-1/second", ""])
def test_a_limit_that_is_none(modelport: Command, home: Path, limit: str) -> None:
    assert "limit" in refused(modelport, home, "model.skops", "--rate-limit", limit)


@pytest.mark.parametrize("classes", ["", "a,,b", "a,a", "rows.csv,", ","])
def test_class_names_that_are_ambiguous(modelport: Command, home: Path, classes: str) -> None:
    assert refused(modelport, home, "model.skops", "--classes", classes).startswith("`--classes`")


def test_a_file_of_class_names_that_is_not_text(modelport: Command, home: Path) -> None:
    (home.parent / "classes.txt").write_bytes(b"\xff\xfe\x00")
    line = refused(modelport, home, "model.skops", "--classes", "classes.txt")
    assert line == "classes.txt: class names are text, one on each line"


def test_more_class_names_than_a_path_can_be_long_are_class_names(modelport: Command, home: Path) -> None:
    many = ",".join(f"class{number}" for number in range(1000))
    assert "digits" in refused(modelport, home, "123.skops", "--classes", many)


def test_a_sample_that_is_not_there(modelport: Command, home: Path) -> None:
    assert refused(modelport, home, "model.skops", "--sample", "none.csv") == "none.csv: no such sample file"


def test_a_pickle_needs_a_word_where_nobody_can_be_asked(modelport: Command, home: Path) -> None:
    done = modelport("export", "model.joblib")
    assert done.code == 1
    assert done.err.splitlines() == [
        f"model.joblib {PICKLE}",
        "modelport: say `--allow-pickle` to load it; .skops files need no such trust",
    ]


@pytest.mark.parametrize("answer", ["n", "", "no", "yess"])
def test_on_a_terminal_a_pickle_is_asked_about(
    modelport: Command, home: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: f"{answer}\n"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    done = modelport("export", "model.joblib")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[1].startswith("Load it? [y/N]: ")
    assert not home.exists()


def test_an_upper_case_file_gets_a_lower_case_name(modelport: Command, home: Path) -> None:
    assert modelport("export", "UPPER.skops").err.splitlines()[0] == "Checking the file …"
