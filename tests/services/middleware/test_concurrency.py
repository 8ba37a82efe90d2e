"""How many requests may be under way at once: for a key, for a user, for all, until each is answered."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message

from registry.settings import settings
from services.http_protocol import HttpProtocol
from services.limits.in_flight import InFlight
from tests.services.middleware.conftest import Hub
from tests.services.middleware.served import Served, request

ECHO = "/api/predict/echo"


class Waiting:
    """A request whose body doesn't come until it is told to."""

    def __init__(self, hub: Hub, headers: dict[str, str]) -> None:
        self.hub, self.sent = hub, []  # type: tuple[Hub, list[Message]]
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": "POST",
            "path": ECHO,
            "raw_path": ECHO.encode(),
            "query_string": b"",
            "headers": pairs,
        }
        call: Any = hub.app(scope, self.receive, self.send)
        self.answered = asyncio.run_coroutine_threadsafe(call, hub.loop)
        hub.run(self.begun.wait())

    async def receive(self) -> Message:
        """Wait."""
        self.begun.set()
        await self.goes_on.wait()
        return {"type": "http.request", "body": b"{}"}

    async def send(self, message: Message) -> None:
        """Keep it."""
        self.sent.append(message)

    def end(self) -> int:
        """Let it come; the status."""
        self.hub.loop.call_soon_threadsafe(self.goes_on.set)
        self.answered.result(20)
        return int(self.sent[0]["status"])


@pytest.fixture
def rules(home: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The setting of such rules."""
    yield monkeypatch
    settings.cache_clear()


@pytest.mark.parametrize(
    ("rule", "status", "code"),
    [("KEY_CONCURRENCY", 429, "RATE_LIMIT_EXCEEDED"), ("CONCURRENCY", 503, "UNAVAILABLE")],
)
def test_a_key_or_all_together_may_have_so_many_under_way(
    rules: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    rule: str,
    status: int,
    code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rules.setenv(f"MODELPORT_{rule}", "2")
    hub: Hub = request.getfixturevalue("hub")
    another = hub.new_key("echo")
    waiting = [Waiting(hub, {"x-api-key": hub.key}) for _ in range(2)]
    refused = hub.predict()
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert refused.headers["retry-after"] == "1" and refused.headers["x-ratelimit-limit"] == "100"
    assert hub.predict(another).status_code == (200 if status == 429 else 503)
    assert hub.ask("GET", "/livez", None).status_code == 200

    assert waiting[0].end() == 200
    assert [hub.predict().status_code for _ in range(3)] == [200] * 3, (
        "what was refused or answered is under way no more"
    )
    assert waiting[1].end() == 200
    assert "Traceback" not in caplog.text, "an overload must not flood the log"


def test_a_user_may_have_so_many_under_way(rules: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    rules.setenv("MODELPORT_USER_CONCURRENCY", "1")
    hub: Hub = request.getfixturevalue("hub")
    token = hub.new_user("ada")
    waiting = Waiting(hub, {"authorization": f"Bearer {token}"})

    assert hub.as_user("GET", "/auth/me", token).status_code == 429
    assert hub.predict().status_code == 200
    assert waiting.end() == 200
    assert hub.as_user("GET", "/auth/me", token).status_code == 200


def test_what_is_answered_at_once_is_held_to_it_too(rules: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    rules.setenv("MODELPORT_CONCURRENCY", "1")
    hub: Hub = request.getfixturevalue("hub")
    served = Served(hub, HttpProtocol)
    elsewhere = InFlight(settings().home / "limits.all-at-once")  # another worker's request
    assert elsewhere.enter(1, 1)
    assert served.ask(plain(hub))[0].status == 503
    elsewhere.leave(1)
    assert [served.ask(plain(hub))[0].status for _ in range(2)] == [200, 200]
    served.stop()


def plain(hub: Hub) -> bytes:
    """A prediction as bytes."""
    made: Any = request(hub.key)
    return bytes(made)


def test_without_a_rule_nothing_is_counted(hub: Hub) -> None:
    assert not list(settings().home.glob("limits.*-at-once"))
