"""What can go wrong once an answer has begun, or while nobody waits for it: tried on the bare layers."""

import asyncio
import gc
import weakref
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.sidecar.frames import COLUMNS, RequestRow
from services.kept_images import KeptImages
from services.metrics import RequestMetrics
from services.middleware.checks import Checks
from services.middleware.context import Context
from services.middleware.errors import ForeignErrors
from services.record import Record

STATUS, ERROR = COLUMNS.index("status_code"), COLUMNS.index("error_message")
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
SCOPE: Scope = {"type": "http", "method": "POST", "path": "/x", "headers": []}


class Log(list[RequestRow]):
    """Stands in for the request log."""

    put = list.append


def through(app: ASGIApp, received: list[Message]) -> tuple[list[RequestRow], list[Message]]:
    """One call through context and errors to `app`: what was logged, what was sent."""
    rows, sent = Log(), []
    log: Any = rows

    async def receive() -> Message:
        return received.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    layers = Context(Checks(ForeignErrors(app), ()), Record(RequestMetrics(None), log, KeptImages()))
    asyncio.run(layers(dict(SCOPE), receive, send))
    return rows, sent


async def breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
    """An answer that fails half way."""
    await send(dict(START))
    raise RuntimeError("secret")


def test_a_failure_in_the_middle_of_an_answer_ends_the_connection_and_is_logged() -> None:
    sent: list[Message] = []
    rows: Any = Log()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    layers = Context(Checks(ForeignErrors(breaks_off), ()), Record(RequestMetrics(None), rows, KeptImages()))
    with pytest.raises(Exception, match="Something went wrong"):  # the server closes the connection on it
        asyncio.run(layers(dict(SCOPE), receive, send))

    assert [message["type"] for message in sent] == ["http.response.start"]
    assert [(row[STATUS], row[ERROR]) for row in rows] == [(200, "INTERNAL_ERROR")]


async def reads_on(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that answers 500 when its client leaves, as BentoML's does."""
    while (await receive())["type"] == "http.request":
        pass
    await send({**START, "status": 500})
    await send({"type": "http.response.body", "body": b"client left"})


async def gives_up(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that raises when its client leaves, as Starlette's does."""
    while (await receive())["type"] == "http.request":
        pass
    raise ConnectionError


@pytest.mark.parametrize("app", [reads_on, gives_up])
def test_a_client_that_leaves_before_the_answer_is_no_failure(app: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    half: Message = {"type": "http.request", "body": b"{", "more_body": True}

    assert through(app, [half, {"type": "http.disconnect"}]) == ([], [])
    assert not caplog.records


async def says_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that returns without an answer; the server then answers 500."""


def test_no_answer_at_all_counts_as_a_500() -> None:
    rows, _ = through(says_nothing, [])

    assert [row[STATUS] for row in rows] == [500]


class Cycle:
    """A server's side of one call: it holds the scope, and its `send` is handed to the app, as uvicorn does it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def send(self, message: Message) -> None:
        """Send nothing to nobody."""


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """A whole answer."""
    await send(dict(START))
    await send({"type": "http.response.body", "body": b""})


def test_nothing_of_a_call_is_left_for_the_garbage_collector() -> None:
    log: Any = Log()
    layers = Context(Checks(ForeignErrors(answers), ()), Record(RequestMetrics(None), log, KeptImages()))

    async def receive() -> Message:
        return {"type": "http.request"}

    async def call() -> "weakref.ref[Cycle]":
        cycle = Cycle(dict(SCOPE))
        await layers(cycle.scope, receive, cycle.send)
        return weakref.ref(cycle)

    gc.disable()
    try:
        assert asyncio.run(call())() is None
    finally:
        gc.enable()
