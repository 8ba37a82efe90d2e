"""The sidecar: nothing of the log lost while it can be helped, nothing unbounded when it can't, no change missed."""

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from time import time
from typing import Any

import psutil
import pytest
from sqlmodel import select

from registry import accounts, changes, database
from registry.predictions import Prediction
from registry.settings import settings
from registry.sidecar.frames import PredictionRow, RequestRow
from registry.traffic import ApiRequest
from services import request_log, sidecar
from services.request import request_uuid
from services.request_log import RequestLog
from services.sidecar import Sidecar


def row(predictions: Sequence[PredictionRow] = ()) -> RequestRow:
    """A row as the outermost layer makes it."""
    return (request_uuid(), None, None, "POST", "/x", 200, 0.001, time(), None, None, None, predictions)


def predicted(count: int) -> list[PredictionRow]:
    """So many predictions of a request."""
    return [(request_uuid(), "a.png", "cat", 0.5, None, None, "success", None, None) for _ in range(count)]


def written() -> set[str]:
    """The ids in the log."""
    with database.reading() as session:
        return set(session.exec(select(ApiRequest.request_id)))


def add_key() -> None:
    """A change that a server must hear of."""
    with database.session() as session:
        name = request_uuid()
        names: dict[str, Any] = {"key_id": name, "key_hash": name, "name": name}
        accounts.add_key(session, **names, user=accounts.local_user(session), endpoint=None, actor="user:test")


class Beside:
    """A log with a sidecar, flushed as a worker does it."""

    def __init__(self, max_rows: int = 10_000) -> None:
        self.log, self.refreshed, self.failing = RequestLog(max_rows), 0, 0
        self.cursor = changes.latest()
        self.sidecar = Sidecar(self.log, lambda: (settings().url, self.cursor), self.refresh)

    def refresh(self) -> None:
        """Counts how often there was something to read; the first `failing` times it can't be."""
        self.refreshed += 1
        if self.refreshed <= self.failing:
            raise OSError("the disk is away")
        self.cursor = changes.latest()

    async def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Flush several times a second until something holds."""
        deadline = time() + seconds
        while not condition():
            assert time() < deadline, "it did not happen in time"
            self.sidecar.flush()
            await asyncio.sleep(0.02)

    @property
    def process(self) -> psutil.Process:
        """The running sidecar."""
        [found] = [child for child in psutil.Process().children() if "registry.sidecar" in " ".join(child.cmdline())]
        return found


def beside(test: Callable[[Beside], Coroutine[Any, Any, None]], max_rows: int = 10_000) -> None:
    """Run a test with a running sidecar, and stop it."""

    async def run() -> None:
        made = Beside(max_rows)
        made.sidecar.start()
        await test(made)
        await made.sidecar.stop()

    asyncio.run(run())


@pytest.fixture
def registry(empty_home: Path) -> Path:
    """A registry with nothing in it."""
    return empty_home


@pytest.fixture
def held(registry: Path) -> sqlite3.Connection:
    """Another process that holds the registry's write lock; `commit` lets go."""
    other = sqlite3.connect(registry / "registry.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_rows_are_written_and_leave_the_queue(registry: Path) -> None:
    async def test(made: Beside) -> None:
        rows = [row() for _ in range(request_log.BATCH + 34)]
        for each in rows:
            made.log.put(each)
        await made.until(lambda: not len(made.log))
        assert written() == {each[0] for each in rows}

    beside(test)


def test_rows_that_come_while_a_batch_is_written_wait_for_the_next_interval(registry: Path) -> None:
    async def test(made: Beside) -> None:
        await made.until(lambda: made.sidecar._writer)
        made.log.put(row())
        made.sidecar.flush()
        made.log.put(row())
        async with asyncio.timeout(10):
            while len(made.log) > 1:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert len(made.log) == 1 and len(written()) == 1  # else every row would be a transaction of its own

    beside(test)


def test_a_stop_writes_what_is_left(registry: Path) -> None:
    rows = [row() for _ in range(1234)]

    async def test(made: Beside) -> None:
        for each in rows:
            made.log.put(each)

    beside(test)
    assert written() == {each[0] for each in rows}


def test_rows_wait_for_a_registry_that_is_held(held: sqlite3.Connection) -> None:
    async def test(made: Beside) -> None:
        made.log.put(row())
        await made.until(lambda: made.sidecar._sent)
        await asyncio.sleep(0.3)
        assert written() == set() and len(made.log) == 1
        held.execute("COMMIT")
        await made.until(written, 5)

    beside(test)


@pytest.mark.slow
def test_a_registry_that_stays_held_is_reported_and_written_later(
    held: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(made: Beside) -> None:
        made.log.put(row())
        await made.until(lambda: "can't be written, 1 rows wait" in caplog.text, 10)
        held.execute("COMMIT")
        await made.until(lambda: not len(made.log))
        assert len(written()) == 1

    beside(test)


def test_a_stop_does_not_wait_for_ever(
    held: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sidecar, "PATIENCE", 0.3)

    async def test(made: Beside) -> None:
        made.log.put(row())
        asyncio.get_running_loop().call_later(1.0, held.execute, "COMMIT")

    beside(test)
    assert "1 request log rows were lost" in caplog.text


def test_a_full_queue_drops_and_counts(registry: Path) -> None:
    log, rows = RequestLog(5), [row() for _ in range(8)]
    before = request_log.dropped_counter()._value.get()
    for each in rows:
        log.put(each)

    assert log.oldest() == rows[:5]
    assert log.dropped == 3 and request_log.dropped_counter()._value.get() - before == 3


def test_one_that_is_killed_is_replaced_and_no_row_is_lost_or_doubled(
    registry: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [row() for _ in range(3000)]

    async def test(made: Beside) -> None:
        await made.until(lambda: made.sidecar._writer)
        for each in rows:
            made.log.put(each)
        made.sidecar.flush()
        made.process.kill()
        await made.until(lambda: not len(made.log))

    beside(test)
    assert written() == {each[0] for each in rows}
    assert caplog.text.count("ended; starting another") == 1


def test_predictions_go_with_their_request_though_the_sidecar_is_killed_while_it_writes(registry: Path) -> None:
    rows = [row(predicted(number % 4)) for number in range(2 * request_log.BATCH)]

    async def test(made: Beside) -> None:
        for each in rows:
            made.log.put(each)
        for _ in range(3):
            await made.until(lambda: made.sidecar._sent or not len(made.log))
            await asyncio.sleep(0.01)
            if len(made.log):
                made.process.kill()
                await made.until(lambda: made.sidecar._writer is None)
        await made.until(lambda: not len(made.log))

    beside(test, max_rows=20_000)
    with database.reading() as session:
        found = Counter(session.exec(select(Prediction.request_id)))
    assert written() == {each[0] for each in rows}
    assert found == {each[0]: len(each[-1]) for each in rows if each[-1]}


def test_predictions_take_room_in_the_queue_and_are_dropped_with_their_request(registry: Path) -> None:
    log, rows = RequestLog(10), [row(predicted(3)) for _ in range(3)]
    before = request_log.dropped_counter()._value.get()
    for each in rows:
        log.put(each)
    assert log.oldest() == rows[:2]
    assert log.dropped == 4 == request_log.dropped_counter()._value.get() - before
    log.written(2)
    log.put(rows[2])
    assert log.oldest() == rows[2:]


def test_a_change_is_heard_of(registry: Path) -> None:
    async def test(made: Beside) -> None:
        await made.until(lambda: made.sidecar._writer)
        before = made.refreshed
        add_key()
        await made.until(lambda: made.refreshed > before, 2)

    beside(test)


def test_a_change_while_there_is_no_sidecar_is_not_missed(registry: Path) -> None:
    async def test(made: Beside) -> None:
        await made.until(lambda: made.sidecar._writer)
        made.process.kill()
        await made.until(lambda: made.refreshed, 2)  # looked for without one
        seen = made.refreshed
        add_key()
        await made.until(lambda: made.refreshed > seen, 4)

    beside(test)


def test_a_change_that_can_not_be_read_is_read_again(
    registry: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sidecar, "AGAIN", 0.05)

    async def test(made: Beside) -> None:
        made.failing = 3
        add_key()
        await made.until(lambda: made.cursor == changes.latest())
        assert made.refreshed == 4

    beside(test)
    assert caplog.text.count("Cannot follow") == 1


def test_signals_for_the_server_do_not_end_it(registry: Path) -> None:
    async def test(made: Beside) -> None:
        await made.until(lambda: made.sidecar._writer)
        for number in (signal.SIGINT, signal.SIGTERM):
            made.log.put(row())
            await made.until(lambda: not len(made.log))
            os.kill(made.process.pid, number)
        made.log.put(row())

    beside(test)
    assert len(written()) == 3


def test_it_ends_with_its_worker(registry: Path) -> None:
    async def test(made: Beside) -> None:
        await made.until(lambda: made.sidecar._writer)

    beside(test)
    assert not [child for child in psutil.Process().children() if "registry.sidecar" in " ".join(child.cmdline())]


def test_it_imports_nothing_that_is_slow(registry: Path) -> None:
    async def test(made: Beside) -> None:
        made.log.put(row())
        await made.until(lambda: not len(made.log))
        assert made.process.memory_info().rss < 40e6

    beside(test)
