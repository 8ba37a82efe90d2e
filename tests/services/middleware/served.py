"""The hub behind a server's own protocol, in this process, and what it answers on a plain socket."""

import asyncio
import re
import socket
from collections.abc import Iterator
from time import sleep
from typing import Any, NamedTuple

import pytest
import uvicorn

from services.http_protocol import HttpProtocol
from services.middleware.immediate import TAKES_NOTHING
from tests.services.middleware.conftest import Hub


class Answer(NamedTuple):
    """What came back; what differs from call to call is left out."""

    status: int
    headers: frozenset[tuple[str, str]]
    body: str


class Served:
    """The hub behind a uvicorn whose connections speak that protocol."""

    def __init__(self, hub: Hub, protocol: Any, **options: Any) -> None:
        config = uvicorn.Config(
            hub.app, port=0, http=protocol, log_config=None, server_header=False, lifespan="off", **options
        )
        self.server = uvicorn.Server(config)
        self.serving = asyncio.run_coroutine_threadsafe(self.server.serve(), hub.loop)
        while not self.server.started:
            sleep(0.01)
        found: Any = self.server.servers[0].sockets[0].getsockname()
        self.address = ("127.0.0.1", found[1])

    def ask(self, *parts: bytes) -> list[Answer]:
        """Send the parts one after another, and read all that comes back."""
        with socket.create_connection(self.address, timeout=20) as connection:
            for part in parts:
                connection.sendall(part)
                if len(parts) > 1:
                    sleep(0.01)
            sleep(0.05)
            connection.shutdown(socket.SHUT_WR)
            return list(answers_in(b"".join(iter(lambda: connection.recv(65536), b""))))

    def stop(self) -> None:
        """Stop it as BentoML does."""
        self.server.should_exit = True
        self.serving.result(20)


def answers_in(text: bytes) -> Iterator[Answer]:
    """The answers, one by one: each has a length."""
    while text:
        head, _, text = text.partition(b"\r\n\r\n")
        status, *found = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in found)
        length = int(headers.get("content-length", 0)) if " 100 " not in status else 0
        body, text = text[:length].decode(), text[length:]
        varying = ("date", "x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset")
        for name in set(headers) & set(varying):
            headers[name] = "" if name != "ratelimit" else re.sub(r"\d+", "0", headers[name])
        yield Answer(
            int(status.split()[1]),
            frozenset(headers.items()),
            re.sub(r'"request_id":"\w{32}"', '"request_id":""', body),
        )


class Layered(HttpProtocol):
    """The same protocol where it takes nothing at once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._immediate = TAKES_NOTHING


def request(
    key: str | None, body: bytes = b'{"x":1}', *lines: str, method: str = "POST", path: str = "/api/predict/echo"
) -> bytes:
    """A request as bytes, with its length unless the lines say how its body comes."""
    declared = any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines)
    head = [f"{method} {path} HTTP/1.1", "Host: x", *([f"X-API-Key: {key}"] if key else []), *lines]
    head += [] if declared else [f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


CHUNKED = "Transfer-Encoding: chunked"


asked = request  # where a fixture has that name


def at(endpoint: str, parts: list[bytes]) -> list[bytes]:
    """The same to another endpoint, whose name is as long."""
    return [part.replace(b"/echo", f"/{endpoint}".encode()) for part in parts]


either = pytest.mark.parametrize("endpoint", ["echo", pytest.param("wait", marks=pytest.mark.slow)])


@pytest.fixture
def ways(hub: Hub) -> Iterator[tuple[Served, Served]]:
    """The hub served both ways: `echo` answers at once, `wait` is waited for."""
    hub.new_endpoint("wait")
    for name in ("echo", "wait"):
        hub.set_limit(name, "1000000/minute")
    hub.ask("POST", "/api/predict/wait", json={})  # loads the model
    served = Served(hub, HttpProtocol), Served(hub, Layered)
    yield served
    for one in served:
        one.stop()
