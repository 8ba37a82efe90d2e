"""The cache of loaded models, with models that load when the test lets them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from registry.catalog import EndpointStatus
from registry.errors import ExportError, Unavailable
from services.directory import EndpointEntry
from services.inference.cache import ModelCache
from services.inference.servable import Handler, Servable
from services.limits.rule import Limit


def endpoint(number: int, version: str = "1", status: EndpointStatus = EndpointStatus.ACTIVE) -> EndpointEntry:
    limit = Limit.parse("1/second")
    rest: dict[str, Any] = {"framework": "sklearn", "tag": None, "bento": "", "import_path": None, "signature": {}}
    return EndpointEntry(
        id=number, name=f"e{number}", path=f"/e{number}", status=status, reason=None, limit=limit, model="m",
        version=version, size_bytes=10, **rest,
    )  # fmt: skip


class Shelf:
    """Counts loads and failures; holds a load back until its gate opens; fails when told to."""

    def __init__(self, count: int = 9, size: int = 999, wait: float = 5) -> None:
        self.loads: list[tuple[int, str]] = []
        self.failures: list[tuple[int, str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.cache = ModelCache(self.load, self.failed, count, size, wait)

    def load(self, entry: EndpointEntry) -> Servable:
        self.loads.append((entry.id, entry.version))
        self.gate.wait(10)
        if self.error is not None:
            raise self.error

        async def handle(body: bytes, request_id: str) -> bytes:
            return f"{entry.id} v{entry.version}".encode()

        return Servable({entry.path: handle}, entry.version, entry.size_bytes)

    def failed(self, entry: EndpointEntry, reason: str) -> None:
        self.failures.append((entry.id, reason))

    async def ask(self, number: int, version: str = "1") -> bytes:
        handler: Handler | None = await self.cache.handler(endpoint(number, version), f"/e{number}")
        assert handler is not None
        return await handler(b"", "")


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 20))


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_a_model_is_loaded_once_however_many_wait_for_it() -> None:
    shelf = Shelf()

    async def scenario() -> None:
        shelf.gate.clear()
        callers = [asyncio.create_task(shelf.ask(1)) for _ in range(50)]
        await until(lambda: shelf.loads)
        shelf.gate.set()
        assert set(await asyncio.gather(*callers)) == {b"1 v1"}
        assert await shelf.ask(1) == b"1 v1"

    run(scenario)
    assert shelf.loads == [(1, "1")]


@pytest.mark.parametrize("bounds", [{"count": 2}, {"size": 20}])
def test_the_least_recently_used_leaves_first(bounds: dict[str, int]) -> None:
    shelf = Shelf(**bounds)

    async def scenario() -> None:
        for number in (1, 2, 1, 3):
            await shelf.ask(number)

    run(scenario)
    assert shelf.cache.loaded == [1, 3]


def test_one_model_stays_even_if_it_is_too_large() -> None:
    shelf = Shelf(size=5)
    run(lambda: shelf.ask(1))  # type: ignore[arg-type, return-value]
    assert shelf.cache.loaded == [1]


def test_the_old_version_answers_until_the_new_one_is_loaded() -> None:
    shelf = Shelf(count=2)

    async def scenario() -> None:
        await shelf.ask(1)
        await shelf.ask(2)
        shelf.gate.clear()
        assert [await shelf.ask(1, "2") for _ in range(3)] == [b"1 v1"] * 3
        assert shelf.cache.loaded == [2, 1], "being asked for is being used, also during a swap"
        shelf.gate.set()
        await until(lambda: not shelf.cache._loading)
        assert await shelf.ask(1, "2") == b"1 v2"

    run(scenario)
    assert shelf.loads == [(1, "1"), (2, "1"), (1, "2")]


def test_a_new_version_that_fails_leaves_the_old_one() -> None:
    shelf = Shelf()

    async def scenario() -> None:
        await shelf.ask(1)
        shelf.error = ExportError("no")
        assert await shelf.ask(1, "2") == b"1 v1"
        await until(lambda: shelf.failures)
        assert shelf.cache.loaded == [1]

    run(scenario)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ExportError("truncated"), "truncated"), (MemoryError("/secret/path"), "MemoryError while loading")],
)
def test_a_failing_load_is_told_once_and_all_who_waited_get_503(error: Exception, reason: str) -> None:
    shelf = Shelf()
    shelf.error = error

    async def scenario() -> None:
        shelf.gate.clear()
        callers = [asyncio.create_task(shelf.ask(1)) for _ in range(5)]
        await until(lambda: shelf.loads)
        shelf.gate.set()
        answers = await asyncio.gather(*callers, return_exceptions=True)
        assert {(type(answer), str(answer)) for answer in answers} == {
            (Unavailable, "The model of endpoint e1 does not load at present.")
        }

    run(scenario)
    assert (shelf.failures, shelf.loads, shelf.cache.loaded) == ([(1, reason)], [(1, "1")], [])


def test_who_waits_too_long_is_told_when_to_come_back_and_the_load_goes_on() -> None:
    shelf = Shelf(wait=0.05)

    async def scenario() -> None:
        shelf.gate.clear()
        with pytest.raises(Unavailable) as caught:
            await shelf.ask(1)
        assert (caught.value.status, caught.value.headers) == (503, {"retry-after": "5"})
        shelf.gate.set()
        await until(lambda: shelf.cache.loaded)
        assert await shelf.ask(1) == b"1 v1"

    run(scenario)
    assert shelf.loads == [(1, "1")]


def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    shelf = Shelf()

    async def scenario() -> None:
        shelf.gate.clear()
        leaving, staying = asyncio.create_task(shelf.ask(1)), asyncio.create_task(shelf.ask(1))
        await until(lambda: shelf.loads)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        shelf.gate.set()
        assert await staying == b"1 v1"
        assert leaving.cancelled()

    run(scenario)
    assert shelf.loads == [(1, "1")]


def test_deleted_endpoints_are_forgotten_even_while_they_load() -> None:
    shelf = Shelf()

    async def scenario() -> None:
        await shelf.ask(1)
        await shelf.ask(2)
        shelf.gate.clear()
        caller = asyncio.create_task(shelf.ask(3))
        await until(lambda: len(shelf.loads) == 3)
        shelf.cache.keep_only({2})
        shelf.gate.set()
        await caller
        assert shelf.cache.loaded == [2]

    run(scenario)


def test_the_warm_up_loads_what_is_active_and_survives_a_broken_one() -> None:
    shelf = Shelf(count=2)

    async def scenario() -> None:
        off = endpoint(1, status=EndpointStatus.INACTIVE)
        await shelf.cache.warm_up([off, endpoint(2), endpoint(3), endpoint(4)])
        assert shelf.cache.loaded == [2, 3]
        shelf.error = ExportError("broken")
        await shelf.cache.warm_up([endpoint(5)])

    run(scenario)
    assert shelf.failures == [(5, "broken")]


def test_the_warm_up_takes_no_more_than_fits() -> None:
    shelf = Shelf(size=25)
    run(lambda: shelf.cache.warm_up([endpoint(number) for number in (1, 2, 3)]))
    assert shelf.loads == [(1, "1"), (2, "1")], "what would be dropped again is not loaded"


def test_models_are_loaded_one_after_another() -> None:
    shelf = Shelf()

    async def scenario() -> None:
        shelf.gate.clear()
        callers = [asyncio.create_task(shelf.ask(number)) for number in (1, 2)]
        await until(lambda: shelf.loads)
        await asyncio.sleep(0.05)
        assert shelf.loads == [(1, "1")], "two threads that import a framework can fail each other"
        shelf.gate.set()
        assert await asyncio.gather(*callers) == [b"1 v1", b"2 v1"]

    run(scenario)
