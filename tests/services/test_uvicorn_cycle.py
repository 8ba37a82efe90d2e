"""The short way through uvicorn says byte for byte what the ordinary one says, and steps back where it doesn't fit."""

import socket
import threading
from collections.abc import Iterator
from time import sleep
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from services.middleware.predictions import read
from services.uvicorn_cycle import body_at_hand, write_whole

HEADERS = [(b"content-type", b"text/plain"), (b"x-request-id", b"1")]
POST = b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
taken: list[str] = []  # which short ways were taken since a test began


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body; at `/short` by the short way where it is open."""
    short = scope["path"] == "/short"
    body = body_at_hand(receive) if short else None
    if body is not None:
        taken.append("read")
    else:
        body = await read(receive) or b""
    headers = [*HEADERS, (b"content-length", b"%d" % len(body))]
    if short and write_whole(send, 200, headers, body):
        taken.append("written")
        return
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A uvicorn of its own, as BentoML starts it but without the date, which might change between two answers."""
    server = uvicorn.Server(
        uvicorn.Config(echo, port=0, log_config=None, server_header=False, date_header=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        sleep(0.01)
    found: Any = server.servers[0].sockets[0].getsockname()
    yield found[1]
    server.should_exit = True
    thread.join()


def ask(port: int, *parts: bytes, pause: float = 0) -> bytes:
    """All that comes back for these bytes until the server has nothing more to say; which ways were taken is noted."""
    taken.clear()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            sleep(pause)
        sleep(0.05)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


REQUESTS = {
    "plain": [POST],
    "two at once": [POST + POST],
    "two after another": [POST, POST],
    "chunked": [b"POST %s HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
    "no body": [b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n"],
    "closing": [b"GET %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"],
    "http/1.0": [b"GET %s HTTP/1.0\r\n\r\n"],
    "HEAD": [b"HEAD %s HTTP/1.1\r\nhost: x\r\n\r\n"],
    "expecting": [b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello"],
    "in two parts": [POST[:-2], POST[-2:]],
}


@pytest.mark.parametrize("parts", REQUESTS.values(), ids=REQUESTS)
def test_both_ways_say_the_same(port: int, parts: list[bytes]) -> None:
    answers = [
        ask(port, *[part.replace(b"%s", path) for part in parts], pause=0.02) for path in (b"/short", b"/ordinary")
    ]
    assert answers[0] == answers[1] and answers[0].startswith(b"HTTP/1.1 ")


def test_the_short_way_is_taken_where_it_fits_and_only_there(port: int) -> None:
    expected = {
        "plain": ["read", "written"],
        "two at once": ["read", "written"] * 2,
        "closing": ["read"],
        "HEAD": ["read"],
        "expecting": ["written"],
        "in two parts": ["written"],
    }
    for name, ways in expected.items():
        ask(port, *[part.replace(b"%s", b"/short") for part in REQUESTS[name]], pause=0.05)
        assert (name, taken) == (name, ways)


def test_a_connection_can_be_used_again_and_again(port: int) -> None:
    request = POST.replace(b"%s", b"/short")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(50):
            connection.sendall(request)
            assert connection.recv(65536).endswith(b"hello")


def test_any_other_server_is_asked_the_ordinary_way() -> None:
    async def other(*_: Any) -> Any:
        raise AssertionError

    assert body_at_hand(other) is None and not write_whole(other, 200, [], b"")
