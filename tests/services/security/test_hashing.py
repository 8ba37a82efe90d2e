"""The hashing pool: off the event loop, few at a time, and refusing when it is full."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from registry.errors import Unavailable
from services.security.hashing import HashingPool

PATIENCE = 10.0  # seconds until a thread that a failed test forgot lets go


@pytest.fixture
def pool() -> Iterator[HashingPool]:
    """One thread, and one place to wait."""
    made = HashingPool(threads=1, waiting=1)
    yield made
    made.close()


def test_hashing_is_done_in_a_thread_of_the_pool(pool: HashingPool) -> None:
    assert asyncio.run(pool.run(lambda: threading.current_thread().name)).startswith("hashing")


def test_the_loop_goes_on_while_a_thread_hashes(pool: HashingPool) -> None:
    async def both() -> None:
        released = threading.Event()
        hashing = asyncio.ensure_future(pool.run(released.wait, PATIENCE))
        await asyncio.sleep(0)
        released.set()  # only a loop that is free gets here
        assert await hashing

    asyncio.run(both())


def test_a_full_pool_refuses_and_says_when_to_come_back(pool: HashingPool) -> None:
    async def storm() -> list[object]:
        released = threading.Event()
        admitted = [asyncio.ensure_future(pool.run(released.wait, PATIENCE)) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await asyncio.gather(*(pool.run(released.wait, PATIENCE) for _ in range(198)), return_exceptions=True)
        released.set()
        await asyncio.gather(*admitted)
        assert await pool.run(int, "7") == 7  # and takes the next one when it is free again
        return list(refused)

    refused = asyncio.run(storm())
    assert len(refused) == 198
    for error in refused:
        assert isinstance(error, Unavailable) and int(error.headers["Retry-After"]) >= 1


def test_a_failure_reaches_the_caller_and_frees_the_place(pool: HashingPool) -> None:
    async def fail() -> None:
        await pool.run(int, "seven")

    for _ in range(5):
        with pytest.raises(ValueError, match="seven"):
            asyncio.run(fail())


def test_a_caller_who_goes_away_leaves_its_place_taken_until_the_thread_is_free(pool: HashingPool) -> None:
    async def go_away() -> None:
        started, released = threading.Event(), threading.Event()

        def hash_slowly() -> None:
            started.set()
            released.wait(PATIENCE)

        running = asyncio.ensure_future(pool.run(hash_slowly))
        await asyncio.to_thread(started.wait)
        running.cancel()
        waiting = asyncio.ensure_future(pool.run(released.wait, PATIENCE))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await pool.run(released.wait, PATIENCE)
        released.set()
        assert await waiting
        assert await pool.run(int, "7") == 7

    asyncio.run(go_away())


def test_a_closed_pool_refuses(pool: HashingPool) -> None:
    pool.close()
    for _ in range(5):
        with pytest.raises(Unavailable, match="stopping"):
            asyncio.run(pool.run(int, "7"))
