import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from registry import accounts, database
from registry.accounts import User
from registry.errors import RegistryError
from registry.settings import settings

ADD = """
from sqlmodel import select
from registry import database
from registry.accounts import User
for _ in range(300):
    with database.session() as session:
        user = session.exec(select(User).with_for_update()).one()
        user.prediction_count += 1
"""


@pytest.mark.slow
def test_processes_that_read_and_write_lose_no_update(store: str, processes: Callable[[int, str], list[str]]) -> None:
    with database.session() as session:
        accounts.local_user(session)
    processes(4, ADD)
    with database.reading() as session:
        assert session.exec(select(User.prediction_count)).one() == 1200


def test_a_session_that_raises_leaves_nothing(store: str) -> None:
    with pytest.raises(ZeroDivisionError), database.session() as session:
        accounts.local_user(session)
        raise ZeroDivisionError
    with database.reading() as session:
        assert session.exec(select(User)).all() == []


def test_a_reader_cannot_write(store: str) -> None:
    with pytest.raises(DBAPIError, match="read.?only"), database.reading() as session:
        accounts.local_user(session)


def test_a_reader_does_not_wait_for_a_writer(store: str) -> None:
    with database.session() as writer:
        accounts.local_user(writer)
        with database.reading() as reader:
            assert reader.exec(select(User)).all() == []


def test_sqlite_is_opened_as_promised(home: Path) -> None:
    database.upgrade()
    expected = {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 5000, "foreign_keys": 1, "trusted_schema": 0}
    with database.session() as session:
        found = {name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar() for name in expected}
    assert found == expected


def test_upgrade_makes_a_private_home_and_can_be_repeated(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    database.upgrade()
    database.upgrade()
    database.require_schema()
    assert oct(home.stat().st_mode & 0o777) == "0o700"
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_processes_may_upgrade_at_once(empty: str, processes: Callable[[int, str], list[str]]) -> None:
    processes(4, "from registry import database; database.upgrade(); database.require_schema()")
    database.require_schema()


def test_an_upgrade_that_fails_leaves_no_half_schema(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: object) -> None:
        real(connection)
        raise KeyboardInterrupt

    real: Callable[[object], None] = database.__dict__["_migrate"]
    monkeypatch.setattr(database, "_migrate", fail)
    with pytest.raises(KeyboardInterrupt):
        database.upgrade()
    with database.engine().connect() as connection:
        assert database.__dict__["_revision"](connection) == ""


def test_a_missing_registry_is_not_made_by_looking(home: Path) -> None:
    home.mkdir()
    with pytest.raises(RegistryError, match="There is no registry at .*: run `modelport db upgrade`"):
        database.require_schema()
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("revision", ["0001", None])
def test_an_older_schema_asks_for_an_upgrade(store: str, revision: str | None) -> None:
    _set_revision(revision)
    with pytest.raises(RegistryError, match="run `modelport db upgrade`"):
        database.require_schema()


@pytest.mark.parametrize("action", [database.upgrade, database.require_schema])
def test_a_newer_schema_is_left_alone(store: str, action: Callable[[], None]) -> None:
    _set_revision("9999")
    with pytest.raises(RegistryError, match=r"newer Modelport \(schema 9999\)"):
        action()


@pytest.mark.parametrize("action", [database.upgrade, database.require_schema])
@pytest.mark.parametrize("content", [b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_named(home: Path, action: Callable[[], None], content: bytes) -> None:
    home.mkdir()
    (home / "registry.db").write_bytes(content)
    _assert_plain(action, "is damaged or no database: restore a backup or move it away")
    assert (home / "registry.db").read_bytes() == content


def test_a_home_that_is_a_file_is_named(home: Path) -> None:
    home.write_text("a file, not a folder", encoding="ascii")
    _assert_plain(database.upgrade, "Cannot make .* set MODELPORT_HOME to a folder you own")


def test_a_database_that_cannot_be_opened_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_DATABASE_URL", f"sqlite:///{home}/missing/registry.db")
    settings.cache_clear()
    _assert_plain(database.upgrade, "cannot be opened for writing: check its folder")


def test_upgrade_waits_for_another_that_has_just_made_the_file(home: Path) -> None:
    home.mkdir()
    other = sqlite3.connect(home / "registry.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.execute, ["COMMIT"])
    release.start()
    database.upgrade()
    release.join()
    other.close()


def test_a_registry_held_by_another_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.sqlite_file.PRAGMAS", ("PRAGMA busy_timeout=50",))
    database.upgrade()
    other = sqlite3.connect(home / "registry.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    _assert_plain(database.upgrade, "is held by another process: try again")
    other.close()
    database.upgrade()


def test_a_server_that_does_not_answer_is_named_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_DATABASE_URL", "postgresql://modelport:hunter2@127.0.0.1:1/modelport")
    settings.cache_clear()
    _assert_plain(database.upgrade, "127.0.0.1:1/modelport does not answer .*: check MODELPORT_DATABASE_URL")


def _assert_plain(action: Callable[[], None], said: str) -> None:
    with pytest.raises(RegistryError) as refused:
        action()
    assert re.search(said, refused.value.message)
    assert not re.search(r"\n|PRAGMA|SELECT|sqlalche|hunter2", refused.value.message)
    assert refused.value.__suppress_context__


def _set_revision(revision: str | None) -> None:
    with database.engine().begin() as connection:
        if revision is None:
            connection.execute(text("DROP TABLE alembic_version"))
        else:
            connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
