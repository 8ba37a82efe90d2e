"""Callers that cost next to nothing beside the server they press: HTTP/1.1 over asyncio streams and plain sockets."""

import asyncio
import json
import socket
from time import monotonic
from typing import Any, NamedTuple

HOST = "127.0.0.1"


class Answer(NamedTuple):
    """An answer as far as the tests look at it; header names are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


def post(path: str, key: str, row: Any) -> bytes:
    """A prediction request as bytes."""
    body = json.dumps(row)
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nX-API-Key: {key}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n{body}".encode()


class Caller:
    """One client on one connection that stays open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, request: bytes) -> Answer:
        """Send a request and read its answer; ConnectionError or IncompleteReadError when there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = _headers(head)
        return Answer(int(head.split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0))))

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()


async def at_once(port: int, request: bytes, clients: int, calls: int) -> list[Answer]:
    """That many calls by that many clients, who start together."""
    left = list(range(calls))
    answers: list[Answer] = []

    async def caller() -> None:
        one = Caller(port)
        while left:
            left.pop()
            answers.append(await one.call(request))
        one.close()

    await asyncio.gather(*(caller() for _ in range(clients)))
    return answers


async def press(port: int, request: bytes, clients: int, seconds: float) -> dict[str, tuple[int, float]]:
    """Call without a pause until the time is over, or nobody answers any more: status and moment by request id."""
    answered: dict[str, tuple[int, float]] = {}
    end = monotonic() + seconds

    async def caller() -> None:
        one = Caller(port)
        while monotonic() < end:
            try:
                answer = await one.call(request)
            except (ConnectionError, asyncio.IncompleteReadError):  # its server is gone
                one.close()
                one = Caller(port)
                await asyncio.sleep(0.02)
            else:
                answered[answer.headers["x-request-id"]] = answer.status, monotonic()
        one.close()

    await asyncio.gather(*(caller() for _ in range(clients)))
    return answered


def speak(port: int, *parts: bytes) -> bytes:
    """Send bytes as they are, hang up the sending side, and read all that comes back."""
    with socket.create_connection((HOST, port), timeout=10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except ConnectionError:
            pass  # answered and closed before all was sent
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
                if _complete(received):
                    break
        except ConnectionError:
            pass
        return received


def status(received: bytes) -> int:
    """The status of a raw answer; 0 when the connection was just closed."""
    return int(received.split()[1]) if received else 0


def _complete(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    return bool(end) and len(body) >= int(_headers(head.decode("latin-1")).get("content-length", 0))


def _headers(head: str) -> dict[str, str]:
    lines = (line.partition(":") for line in head.split("\r\n")[1:] if line)
    return {name.lower(): value.strip() for name, _, value in lines}
