"""The process beside a worker: it does what it is asked, one thing after another, and refuses when too much waits."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from registry.database import session
from registry.errors import InternalError, PlatformError, RateLimited, Unavailable
from services import auth_process
from services.auth_process import AuthProcess

PATIENCE = 10.0  # seconds


@pytest.fixture(scope="module")
def shared() -> Iterator[AuthProcess]:
    """One for the tests that leave it as it was; a process takes half a second to start."""
    made = AuthProcess()
    yield made
    made.close()


def pid_of(process: AuthProcess) -> int:
    """Of its process."""
    return asyncio.run(process.call(os.getpid))


def refuse(seconds: int) -> None:
    """Fail as the platform's own code does."""
    raise RateLimited("Too early", {"left": seconds}, {"Retry-After": str(seconds)})


def fail() -> None:
    """Fail as nobody foresaw."""
    raise ZeroDivisionError("a secret of the inside")


def ask_the_registry() -> None:
    """Fail as a registry without a schema does."""
    with session() as opened:
        opened.connection().exec_driver_sql("SELECT * FROM nowhere")


def test_the_work_is_done_in_another_process_that_steps_back(shared: AuthProcess) -> None:
    pid = pid_of(shared)
    assert pid != os.getpid() and psutil.Process(pid).nice() >= 10
    assert pid_of(shared) == pid, "the process stays"
    assert asyncio.run(shared.call(int, "7f", base=16)) == 127


def test_a_refusal_reaches_the_caller_whole(shared: AuthProcess) -> None:
    with pytest.raises(RateLimited, match="Too early") as caught:
        asyncio.run(shared.call(refuse, 7))
    assert caught.value.details == {"left": 7} and caught.value.headers == {"Retry-After": "7"}


@pytest.mark.parametrize(("work", "error"), [(fail, InternalError), (ask_the_registry, Unavailable)])
def test_a_failure_tells_nothing_of_the_inside_and_the_next_is_served(
    home: Path, work: object, error: type[PlatformError]
) -> None:
    process = AuthProcess()
    with pytest.raises(error) as caught:
        asyncio.run(process.call(work))  # type: ignore[arg-type]
    assert "secret" not in str(caught.value) and "nowhere" not in str(caught.value)
    assert asyncio.run(process.call(int, "7")) == 7
    process.close()


def test_the_loop_goes_on_meanwhile(shared: AuthProcess) -> None:
    async def both() -> int:
        working = asyncio.ensure_future(shared.call(time.sleep, 0.2))
        turns = 0
        while not working.done():
            await asyncio.sleep(0.001)
            turns += 1
        return turns

    assert asyncio.run(both()) > 10


def test_too_many_at_once_are_refused_and_told_when_to_come_back() -> None:
    process = AuthProcess(waiting=1)

    async def storm() -> list[object]:
        admitted = [asyncio.ensure_future(process.call(time.sleep, 0.5)) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await asyncio.gather(*(process.call(int, "7") for _ in range(198)), return_exceptions=True)
        await asyncio.gather(*admitted)
        assert await process.call(int, "7") == 7, "and the next one is taken when there is room again"
        return list(refused)

    refused = asyncio.run(storm())
    assert len(refused) == 198
    for error in refused:
        assert isinstance(error, Unavailable) and int(error.headers["Retry-After"]) >= 1
    process.close()


def test_who_goes_away_keeps_the_place_until_the_work_is_done() -> None:
    process = AuthProcess(waiting=0)

    async def go_away() -> None:
        working = asyncio.ensure_future(process.call(time.sleep, 0.5))
        await asyncio.sleep(0.1)
        working.cancel()
        with pytest.raises(Unavailable):
            await process.call(int, "7")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(Unavailable):
                assert await process.call(int, "7") == 7
                return
            await asyncio.sleep(0.01)
        pytest.fail("the place was never free again")

    asyncio.run(go_away())
    process.close()


def test_a_process_that_dies_fails_one_question_and_is_followed_by_another() -> None:
    process = AuthProcess()
    pid = pid_of(process)
    with pytest.raises(Unavailable, match="interrupted"):
        asyncio.run(process.call(os.kill, pid, signal.SIGKILL))
    assert pid_of(process) != pid
    process.close()


def test_work_that_hangs_does_not_keep_the_worker_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_process, "PATIENCE", 0.3)
    process = AuthProcess()
    pid = pid_of(process)

    async def hang() -> None:
        hanging = asyncio.ensure_future(process.call(time.sleep, 600))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(process.close)
        with pytest.raises(Unavailable, match="interrupted"):
            await hanging

    asyncio.run(hang())
    assert not psutil.pid_exists(pid)


def test_it_ends_with_its_worker_and_refuses_afterwards() -> None:
    process = AuthProcess()
    pid = pid_of(process)
    os.kill(pid, signal.SIGTERM)  # a signal to the whole server is the worker's to obey: what is under way goes on
    assert pid_of(process) == pid
    process.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(Unavailable, match="stopping"):
        asyncio.run(process.call(int, "7"))
