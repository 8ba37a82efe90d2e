"""More people sign in at once than a worker has places for: they are refused before anything is done for them."""

import asyncio
import socket
from collections import Counter

import httpx
import pytest
from pydantic_core import to_json
from sqlmodel import func, select

from registry import database
from registry.login_attempts import LoginAttempt
from services.control.auth import OPEN
from services.http_protocol import HttpProtocol
from tests.services.middleware.conftest import PASSWORD, Hub, new_user
from tests.services.middleware.served import Served, request


def test_a_crowd_is_refused_at_the_door(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    new_user("ada")
    caplog.clear()

    async def at_once() -> list[httpx.Response]:
        given = [
            {"username": f"user{number}", "password": "wrong password"} for number in range(OPEN["/auth/login"] + 40)
        ]
        return await asyncio.gather(*(hub._client.post("/auth/login", json=one) for one in given))

    answers = hub.run(at_once())
    counts = Counter(answer.status_code for answer in answers)
    assert counts.keys() <= {401, 429, 503} and counts[503] > 0, "429: those who came after twenty failures"
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.headers["retry-after"] for answer in refused} == {"2"}
    assert {answer.json()["error"]["code"] for answer in refused} == {"UNAVAILABLE"}
    assert not [record for record in caplog.records if record.exc_info], "a refusal is no fault of ours"
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(LoginAttempt)).one() == counts[401]

    assert hub.ask("POST", "/auth/login", None, json={"username": "ada", "password": PASSWORD}).status_code == 200


def test_who_keeps_the_body_back_keeps_nobody_from_signing_in(hub: Hub) -> None:
    new_user("ada")
    half = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n{"
    served = Served(hub, HttpProtocol)
    waiting = [socket.create_connection(served.address, timeout=20) for _ in range(OPEN["/auth/login"] + 1)]
    for connection in waiting:
        connection.sendall(half)
    credentials = to_json({"username": "ada", "password": PASSWORD})
    with socket.create_connection(served.address, timeout=20) as connection:
        connection.sendall(request(None, credentials, path="/auth/login"))
        answered = connection.recv(65536)
    for connection in waiting:
        connection.close()
    served.stop()
    assert answered.startswith(b"HTTP/1.1 200"), answered
