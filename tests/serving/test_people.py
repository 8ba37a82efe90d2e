"""From a server that nobody can sign in to, to a person whose session ends at both workers."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.serving.callers import speak
from tests.serving.conftest import WINE, Server

PASSWORD = "correct horse battery"
Row = dict[str, float]


def asked(path: str, body: Any, token: str | None = None, method: str = "POST") -> bytes:
    """A request as bytes, which goes to either worker as each connection does."""
    text = json.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(text)}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", text]).encode()


def answered(hub: Server, path: str, body: Any, token: str | None = None) -> tuple[int, Any]:
    """Status and body of an answer."""
    head, _, text = speak(hub.port, asked(path, body, token)).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(text or b"null")


@pytest.mark.slow
def test_a_person_signs_in_predicts_at_both_workers_and_signs_out(serve: Callable[..., Server], row: Row) -> None:
    hub = serve(MODELPORT_USER_RATE_LIMIT="100000/minute")
    (token,) = re.findall(r"by the token (\S+)$", hub.log_file.read_text(), re.MULTILINE)
    status, made = answered(hub, "/auth/bootstrap", {"token": token, "username": "ada", "password": PASSWORD})
    assert (status, made["role"]) == (201, "admin")

    status, tokens = answered(hub, "/auth/login", {"username": "ada", "password": PASSWORD})
    assert status == 200
    hub.eventually(lambda: answered(hub, WINE, row, tokens["access_token"])[0] == 200)

    def statuses(access_token: str) -> set[int]:
        return {answered(hub, WINE, row, access_token)[0] for _ in range(8)}

    hub.eventually(lambda: statuses(tokens["access_token"]) == {200})
    status, renewed = answered(hub, "/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert status == 200 and statuses(renewed["access_token"]) == {200}

    assert answered(hub, "/auth/logout", None, renewed["access_token"])[0] == 204
    hub.eventually(lambda: statuses(renewed["access_token"]) | statuses(tokens["access_token"]) == {401})
    assert answered(hub, "/auth/refresh", {"refresh_token": renewed["refresh_token"]})[0] == 401

    logged = hub.log_file.read_text()
    secrets = [made[name] for made in (tokens, renewed) for name in ("access_token", "refresh_token")]
    assert not any(secret in logged for secret in (PASSWORD, *secrets))
    assert logged.count(token) == 1, "printed once, by the command and by no worker"
    assert httpx.get(f"{hub.url}/openapi.json").json()["paths"].keys() >= {"/auth/login", WINE}
