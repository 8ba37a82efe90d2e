"""A registry that can't be used is one line on stderr that says what to do, whatever the command."""

import sqlite3
from pathlib import Path

import pytest

from registry import database
from registry.catalog import Endpoint
from registry.settings import settings
from tests.cli.terminal import Command

COMMANDS = [
    ("list",),
    ("show", "churn"),
    ("delete", "churn", "--yes"),
    ("deactivate", "churn"),
    ("keys", "create"),
    ("keys", "list"),
    ("export", "model.skops"),
    ("db", "upgrade"),
]
each_command = pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)


@pytest.fixture(autouse=True)
def model(home: Path) -> None:
    """A file to export; nothing gets as far as reading it."""
    home.with_name("model.skops").write_bytes(b"")


@each_command
def test_a_damaged_registry(modelport: Command, home: Path, arguments: tuple[str, ...]) -> None:
    home.mkdir()
    (home / "registry.db").write_bytes(b"this is no database " * 500)
    done = modelport(*arguments)
    assert done.code == 1
    assert done.line == (
        f"modelport: The registry {home}/registry.db is damaged or no database: restore a backup or move it away"
    )


@each_command
def test_a_registry_of_a_newer_modelport(
    modelport: Command, churn: Endpoint, home: Path, arguments: tuple[str, ...]
) -> None:
    revise(home, "9999")
    assert modelport(*arguments).line == (
        "modelport: The registry was made by a newer Modelport (schema 9999): update this one"
    )


@pytest.mark.parametrize("arguments", COMMANDS[:6], ids=" ".join)
def test_a_registry_of_an_older_modelport(
    modelport: Command, churn: Endpoint, home: Path, arguments: tuple[str, ...]
) -> None:
    revise(home, "0001")
    assert modelport(*arguments).line.endswith("run `modelport db upgrade`")


@pytest.mark.parametrize("arguments", COMMANDS[1:6], ids=" ".join)
def test_no_registry(modelport: Command, home: Path, arguments: tuple[str, ...]) -> None:
    assert modelport(*arguments).line == (
        f"modelport: There is no registry at {home}/registry.db: run `modelport db upgrade`"
    )


@pytest.mark.parametrize("arguments", COMMANDS[-2:], ids=" ".join)
def test_a_home_that_can_not_be_made(modelport: Command, home: Path, arguments: tuple[str, ...]) -> None:
    home.write_text("a file where a folder should be")
    done = modelport(*arguments)
    assert done.code == 1
    assert str(home) in done.line


def test_stores_that_can_not_be_made(modelport: Command, home: Path) -> None:
    home.with_name("bentoml").write_text("a file where a folder should be")
    assert modelport("export", "model.skops").line.endswith("set BENTOML_HOME to a folder you own")


def test_postgres_needs_a_pepper_that_all_share(modelport: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    settings.cache_clear()
    assert modelport("export", "model.skops").line.startswith("modelport: MODELPORT_PEPPER is not set")


def test_postgres_that_does_not_answer(modelport: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    settings.cache_clear()
    assert "127.0.0.1:1/nothing does not answer" in modelport("list").line


def test_a_setting_that_does_not_exist(modelport: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_HOMES", "x")
    settings.cache_clear()
    assert modelport("list").line == "modelport: MODELPORT_HOMES is not a setting; the nearest one is MODELPORT_HOME"


def test_a_registry_that_breaks_in_the_middle(modelport: Command, churn: Endpoint, home: Path) -> None:
    with sqlite3.connect(home / "registry.db") as connection:
        connection.execute("DROP TABLE api_keys")
    assert (
        modelport("keys", "list").line == f"modelport: The registry {home}/registry.db failed: no such table: api_keys"
    )


def test_upgrading_twice_is_harmless(modelport: Command) -> None:
    assert modelport("db", "upgrade").line == "The registry is up to date."
    assert modelport("db", "upgrade").code == 0


def revise(home: Path, revision: str) -> None:
    """Let the registry say that another version of Modelport made it."""
    database.dispose()
    with sqlite3.connect(home / "registry.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
