"""What becomes of the log when the registry is held, a worker is killed, or the hub is told to end. On a hub of its own."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable
from itertools import pairwise
from time import monotonic

import pytest
from sqlmodel import select

from registry.traffic import ApiRequest
from tests.serving.callers import post, press
from tests.serving.conftest import WINE, Server

pytestmark = pytest.mark.slow

Row = dict[str, float]
AT_RISK = 1.0  # seconds of a killed worker's rows that may be lost: 0.25, and what a busy machine adds
NOISE = 0.15  # between an answer's leaving the server and this process's noting it, on a busy machine


@pytest.fixture(scope="module")
def doomed(serve: Callable[..., Server]) -> Server:
    """A hub whose workers the tests may kill."""
    server = serve(MODELPORT_LOG_QUEUE_ROWS="100000")  # seconds without a registry are thousands of rows
    server.set_limit("wine", "1000000/minute")
    return server


def logged(hub: Server) -> set[str]:
    """The request ids in the log."""
    with hub.store.session() as session:
        return set(session.exec(select(ApiRequest.request_id)))


async def pressed(hub: Server, row: Row, seconds: float, after: float, act: Callable[[], object]) -> dict[str, float]:
    """Press for a while and do something meanwhile; when each request was answered, by its id."""
    pressing = asyncio.ensure_future(press(hub.port, post(WINE, hub.key, row), 4, seconds))
    await asyncio.sleep(after)
    act()
    answered = await pressing
    assert {status for status, _ in answered.values()} == {200}
    return {request_id: moment for request_id, (_, moment) in answered.items()}


def test_predictions_go_on_while_another_process_holds_the_registry(doomed: Server, row: Row) -> None:
    other = sqlite3.connect(doomed.store.folder / "home" / "registry.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    answered = asyncio.run(pressed(doomed, row, 3.5, 3.4, lambda: other.execute("COMMIT")))

    moments = sorted(answered.values())
    assert max(later - earlier for earlier, later in pairwise(moments)) < 2
    doomed.eventually(lambda: answered.keys() <= logged(doomed))


def test_a_killed_worker_loses_its_last_moment_at_most(doomed: Server, row: Row) -> None:
    killed: list[float] = []

    def kill() -> None:
        doomed.workers()[0].send_signal(signal.SIGKILL)
        killed.append(monotonic())

    answered = asyncio.run(pressed(doomed, row, 5, 3, kill))
    by_the_other = {request for request, moment in answered.items() if moment > killed[0] + NOISE}
    doomed.eventually(lambda: by_the_other <= logged(doomed))
    lost = answered.keys() - logged(doomed)
    assert all(0 <= killed[0] + NOISE - answered[request] < AT_RISK + 2 * NOISE for request in lost)
    assert max(answered.values()) > killed[0] + 1, "the other worker goes on"


def test_a_hub_that_is_told_to_end_loses_nothing(doomed: Server, row: Row) -> None:
    answered = asyncio.run(pressed(doomed, row, 2, 1, lambda: os.kill(doomed.process.pid, signal.SIGTERM)))
    doomed.process.wait(60)

    assert len(answered) > 50 and answered.keys() <= logged(doomed)
