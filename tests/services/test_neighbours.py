"""A service's dependencies in the hub: called as BentoML's proxy is called, answered by the endpoint with their routes."""

import asyncio
from typing import Any

import bentoml
import pytest
from pydantic import BaseModel, Field

from registry.errors import InvalidInput, Unavailable
from services.inference.typed import typed_handlers
from services.neighbours import Ask, link, unavailable


class Pair(BaseModel):
    """What is added; the sum has a limit that only the method knows."""

    a: int = Field(ge=0)
    b: int | None = None


class Sum(BaseModel):
    """What it comes to."""

    total: int


class Adder:
    """What is depended on: one method of each kind."""

    @bentoml.api(route="/add", input_spec=Pair)  # type: ignore[untyped-decorator]
    def add(self, **pair: Any) -> Sum:
        """Add, in a thread."""
        if pair["a"] == 13:
            raise InvalidInput("no thirteen")
        return Sum(total=pair["a"] + (pair["b"] or 0))

    @bentoml.api(route="/twice")  # type: ignore[untyped-decorator]
    async def twice(self, a: int) -> int:
        """Double, on the event loop."""
        return 2 * a


ADDER: Any = bentoml.service(name="neighbours_adder")(Adder)


class Asking:
    """What depends on it."""

    adder = bentoml.depends(ADDER)


async def ask(path: str, body: bytes) -> bytes:
    """As the hub does it: by route, from a real instance."""
    handler = typed_handlers(ADDER, Adder()).get(path)
    if handler is None:
        raise unavailable(path)
    return await handler(body, "r")


async def linked(by: Ask = ask) -> Any:
    service: Any = bentoml.service(name="neighbours_asking")(type("Asking", (), dict(vars(Asking))))
    link(service, by, asyncio.get_running_loop())
    return service().adder


def test_a_method_is_awaited_whether_it_is_async_or_not() -> None:
    async def calls() -> None:
        adder = await linked()
        assert (await adder.to_async.add(a=1, b=2)).total == 3
        assert await adder.to_async.twice(a=4) == await adder.twice(a=4) == 8

    asyncio.run(calls())


def test_in_a_thread_a_method_that_is_not_async_is_just_called() -> None:
    async def calls() -> None:
        adder = await linked()
        assert (await asyncio.to_thread(adder.add, a=1, b=2)).total == 3
        assert await asyncio.to_thread(adder.to_sync.twice, a=4) == 8

    asyncio.run(calls())


def test_what_is_left_out_is_not_sent() -> None:
    sent = []

    async def remember(path: str, body: bytes) -> bytes:
        sent.append((path, body))
        return await ask(path, body)

    async def calls() -> None:
        await (await linked(remember)).to_async.add(a=1)

    asyncio.run(calls())
    assert sent == [("/add", b'{"a":1}')]


def test_a_refusal_and_an_absence_arrive_as_what_they_are() -> None:
    async def absent(path: str, body: bytes) -> bytes:
        raise unavailable(path)

    async def calls() -> None:
        with pytest.raises(InvalidInput, match="no thirteen"):
            await (await linked()).to_async.add(a=13)
        with pytest.raises(Unavailable, match="/add") as caught:
            await (await linked(absent)).to_async.add(a=1)
        assert caught.value.details == {"needs": "/add"}

    asyncio.run(calls())
