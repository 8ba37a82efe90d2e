"""The writer of the request log: nothing lost while it can be helped, nothing unbounded when it can't."""

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest
from sqlmodel import select

from registry import database, sqlite
from registry.traffic import ApiRequest, RequestRow
from services import request_log
from services.request import request_uuid
from services.request_log import RequestLog


def row() -> RequestRow:
    """A row as the outermost layer makes it."""
    return RequestRow(request_uuid(), None, None, "POST", "/x", 200, 0.001, datetime.now(UTC))


def fails() -> None:
    """Work that the log's thread is given beside its own."""
    raise OSError("no space left on device")


def written() -> set[str]:
    """The ids in the log."""
    with database.reading() as session:
        return set(session.exec(select(ApiRequest.request_id)))


@pytest.fixture
def impatient(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry whose writers give up at once instead of after seconds."""
    monkeypatch.setattr(sqlite, "PRAGMAS", (*sqlite.PRAGMAS, "PRAGMA busy_timeout=10"))
    database.dispose()


@pytest.fixture
def held(impatient: None, registry: Path) -> sqlite3.Connection:
    """Another process that holds the registry's write lock; `commit` lets go."""
    other = sqlite3.connect(registry / "registry.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    return other


def test_a_row_is_written_within_the_interval(registry: Path) -> None:
    log, made = RequestLog(1000), row()
    log.start()
    log.put(made)
    sleep(0.6)

    assert written() == {made.request_id}
    log.stop()


def test_a_stop_writes_what_is_left(registry: Path) -> None:
    log, made = RequestLog(10_000), [row() for _ in range(1234)]
    log.start()
    for each in made:
        log.put(each)
    log.stop()

    assert written() == {each.request_id for each in made}


def test_rows_wait_for_a_registry_that_is_held(held: sqlite3.Connection) -> None:
    log, made = RequestLog(1000), row()
    log.start()
    log.put(made)
    sleep(0.5)
    assert written() == set()

    held.execute("COMMIT")
    sleep(0.5)
    assert written() == {made.request_id}
    log.stop()


def test_a_stop_waits_for_a_registry_that_is_held(held: sqlite3.Connection) -> None:
    log, made = RequestLog(1000), row()
    log.start()
    log.put(made)
    threading.Timer(0.7, held.execute, ["COMMIT"]).start()
    log.stop()

    assert written() == {made.request_id}


def test_a_stop_does_not_wait_for_ever(
    held: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(request_log, "PATIENCE", 0.3)
    log = RequestLog(1000)
    log.start()
    log.put(row())
    log.stop()

    assert "1 request log rows were lost" in caplog.text
    held.close()


def test_what_fails_beside_the_log_does_not_stop_it(registry: Path, caplog: pytest.LogCaptureFixture) -> None:
    log, made = RequestLog(1000), row()
    log.each_interval(fails)
    log.start()
    sleep(0.3)
    log.put(made)
    sleep(0.4)
    log.stop()

    assert written() == {made.request_id} and caplog.text.count("said this once") == 1


def test_a_full_queue_drops_and_counts(held: sqlite3.Connection, caplog: pytest.LogCaptureFixture) -> None:
    log, made = RequestLog(5), [row() for _ in range(8)]
    before = request_log.dropped_counter()._value.get()
    for each in made:
        log.put(each)
    assert log.dropped == 3 and request_log.dropped_counter()._value.get() - before == 3

    log.start()
    sleep(0.5)
    assert "5 rows wait, 3 dropped" in caplog.text and caplog.text.count("can't be written") == 1
    held.execute("COMMIT")
    log.stop()
    assert written() == {each.request_id for each in made[:5]}
