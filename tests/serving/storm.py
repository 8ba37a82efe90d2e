"""A storm of sign-ins with wrong passwords, and predictions that are timed meanwhile by a process of their own."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from tests.serving.callers import HOST, Caller

PAUSE = 0.005  # seconds between a client's calls: a machine under load, not one that can't do more


class Timed(NamedTuple):
    """What became of the predictions of some seconds."""

    statuses: dict[int, int]
    different: int  # answers with other predictions than the first one's
    seconds: list[float]  # of each call

    def at(self, share: float) -> float:
        """The time, in milliseconds, in which that share of the calls was answered."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def together(parts: Sequence[Timed]) -> Timed:
    """Several stretches as one."""
    statuses: Counter[int] = Counter()
    for part in parts:
        statuses.update(part.statuses)
    every = [seconds for part in parts for seconds in part.seconds]
    return Timed(dict(statuses), sum(part.different for part in parts), every)


def timed(port: int, request: bytes, clients: int, seconds: float) -> Timed:
    """Call without haste until the time is over; run this in a process where nothing else is done."""
    return asyncio.run(_timed(port, request, clients, seconds))


async def _timed(port: int, request: bytes, clients: int, seconds: float) -> Timed:
    statuses: Counter[int] = Counter()
    took: list[float] = []
    predictions: Counter[str] = Counter()
    end = monotonic() + seconds

    async def client() -> None:
        caller = Caller(port)
        while monotonic() < end:
            started = monotonic()
            answer = await caller.call(request)
            took.append(monotonic() - started)
            statuses[answer.status] += 1
            predictions[json.dumps(json.loads(answer.body).get("predictions"))] += 1
            await asyncio.sleep(PAUSE)
        caller.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return Timed(dict(statuses), len(took) - max(predictions.values()), took)


def storm(port: int, clients: int, pause: float, seconds: float) -> Counter[int]:
    """Have that many clients, each from an address of its own, try wrong passwords; the statuses of the answers.

    Each waits `pause` seconds between two attempts. Run this in a process that steps back: strangers have machines of
    their own, and what theirs takes of this one would be measured as if it were the server's.
    """
    return asyncio.run(_storm(port, clients, pause, seconds))


async def _storm(port: int, clients: int, pause: float, seconds: float) -> Counter[int]:
    statuses: Counter[int] = Counter()
    end = monotonic() + seconds

    async def client(number: int) -> None:
        await asyncio.sleep(pause * number / clients)  # they don't march in step
        while monotonic() < end:
            status, _ = await sign_in(port, f"user{number}", "wrong password", number)
            statuses[status] += 1
            await asyncio.sleep(pause)

    await asyncio.gather(*(client(number) for number in range(clients)))
    return statuses


async def sign_in(port: int, username: str, password: str, number: int) -> tuple[int, bytes]:
    """One attempt, on a connection from one of the machine's own addresses; only Linux has more than one of them."""
    address = (f"127.0.1.{number % 250 + 1}", 0) if sys.platform == "linux" else None
    reader, writer = await asyncio.open_connection(HOST, port, local_addr=address)
    body = json.dumps({"username": username, "password": password})
    head = f"POST /auth/login HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\n\r\n{body}".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]
