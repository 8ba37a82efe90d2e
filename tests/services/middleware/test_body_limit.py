"""A body over the limit is refused: declared or counted, on the direct path and on BentoML's."""

import asyncio

import pytest
from starlette.types import Message

from registry.errors import PayloadTooLarge
from registry.settings import settings
from services.middleware.body_limit import BodyLimit
from services.peer import Peer
from services.request import Fixed, RequestContext
from tests.services.middleware.conftest import Hub

ECHO = "/api/predict/echo"
LIMIT = 1000


@pytest.fixture(autouse=True)
def small(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that a test can reach."""
    monkeypatch.setenv("MODELPORT_MAX_BODY_BYTES", str(LIMIT))
    settings.cache_clear()


def chunks(size: int, each: int = 100) -> list[Message]:
    """A body that comes in pieces and doesn't say how long it will be."""
    pieces: list[Message] = [
        {"type": "http.request", "body": b"[" * each, "more_body": True} for _ in range(size // each)
    ]
    return [*pieces, {"type": "http.request", "body": b"", "more_body": False}]


def refused(sent: list[Message]) -> bool:
    """Whether that is a whole 413, and the end of the connection, whose rest nobody will read."""
    headers = dict(sent[0]["headers"])
    return sent[0]["status"] == 413 and headers[b"connection"] == b"close" and b"PAYLOAD_TOO_LARGE" in sent[1]["body"]


def test_a_declared_length_is_refused_before_a_byte_is_read(hub: Hub) -> None:
    body: list[Message] = [{"type": "http.request", "body": b"x"}]

    assert refused(hub.raw(ECHO, body, {"content-length": str(LIMIT + 1)})) and body
    assert refused(hub.raw(ECHO, body, {"content-length": "9" * 400})) and body


def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_long(hub: Hub) -> None:
    body = chunks(50 * LIMIT)

    assert refused(hub.raw(ECHO, body))
    assert len(body) > 45 * LIMIT // 100


def test_a_body_up_to_the_limit_is_answered(hub: Hub) -> None:
    for size in (0, 1, LIMIT):
        body: list[Message] = [{"type": "http.request", "body": b"x" * size}]
        assert hub.raw(ECHO, [*body])[0]["status"] == 200
        assert hub.raw(ECHO, [*body], {"content-length": str(size)})[0]["status"] == 200
    assert hub.raw(ECHO, chunks(LIMIT))[0]["status"] == 200


def test_a_length_that_is_no_number_is_refused(hub: Hub) -> None:
    for length in ("-1", "1.0", "0x10", "ten", "", " ", "1,1", "٣"):
        sent = hub.raw(ECHO, [{"type": "http.request", "body": b"x"}], {"content-length": length})
        assert sent[0]["status"] == 400, length


@pytest.mark.parametrize(
    ("route", "method", "most"), [("/models/", "POST", 100), ("/models", "GET", 10), ("/auth/login", "POST", 10)]
)
def test_uploads_of_models_have_a_limit_of_their_own_however_they_are_sent(route: str, method: str, most: int) -> None:
    check = BodyLimit(10, 100)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 6, "more_body": True}

    def context(**headers: str) -> RequestContext:
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        made = RequestContext({"method": method, "path": route, "headers": pairs}, Peer("", False), Fixed([]), receive)
        made.route = route
        return made

    check(context(content_length=str(most)))
    with pytest.raises(PayloadTooLarge):
        check(context(content_length=str(most + 1)))
    chunked = context()
    check(chunked)

    async def read(times: int) -> None:
        for _ in range(times):
            await chunked.receive()

    asyncio.run(read(most // 6))
    with pytest.raises(PayloadTooLarge):
        asyncio.run(read(1))
