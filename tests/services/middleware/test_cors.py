"""Browsers: no origin may read an answer unless it is configured, exactly; then every answer says so."""

import pytest

from registry.settings import settings
from tests.services.middleware.conftest import Hub

ORIGIN = "https://app.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key,content-type"}
ALLOWED = "access-control-allow-origin"


@pytest.fixture
def origins(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's setting that lets two origins in."""
    monkeypatch.setenv("MODELPORT_CORS_ORIGINS", f"{ORIGIN}, http://localhost:8080")
    settings.cache_clear()


def test_no_origin_is_allowed_by_default(hub: Hub) -> None:
    assert ALLOWED not in hub.predict(headers={"Origin": ORIGIN}).headers
    assert hub.ask("OPTIONS", "/api/predict/echo", None, headers={"Origin": ORIGIN, **PREFLIGHT}).status_code == 401


def test_a_browser_may_ask_without_a_key_whether_it_may_call(origins: None, hub: Hub) -> None:
    answer = hub.ask("OPTIONS", "/api/predict/echo", None, headers={"Origin": ORIGIN, **PREFLIGHT})

    assert answer.status_code == 200 and answer.headers[ALLOWED] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, PATCH, DELETE"
    assert int(answer.headers["access-control-max-age"]) >= 600, "a browser need not ask before each call"
    assert {"X-API-Key", "Content-Type", "Authorization", "Idempotency-Key", "X-Request-ID"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )


def test_every_answer_to_an_allowed_origin_says_so(origins: None, hub: Hub) -> None:
    from_app = {"Origin": ORIGIN}
    hub.set_limit("echo", "2/day")
    bound = hub.new_key("echo")
    answers = [
        hub.predict(bound, headers=from_app),
        hub.predict(None, headers=from_app),
        hub.predict(bound, headers={**from_app, "Content-Type": "text/plain"}),
        hub.predict(bound, headers=from_app),
        hub.ask("GET", "/openapi.json", None, headers=from_app),
        hub.ask("GET", "/schema.json", headers=from_app),
    ]

    assert [answer.status_code for answer in answers] == [200, 401, 415, 429, 200, 200]
    for answer in answers:
        assert answer.headers.get_list(ALLOWED) == [ORIGIN] and answer.headers["vary"] == "Origin"
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


def test_no_other_origin_is_told_anything(origins: None, hub: Hub) -> None:
    others = (
        "https://evil.example.org",
        "http://app.example.org",
        f"{ORIGIN}:444",
        f"{ORIGIN}.evil.org",
        "null",
        "",
        "*",
    )
    for origin in others:
        answer = hub.predict(headers={"Origin": origin})
        preflight = hub.ask("OPTIONS", "/api/predict/echo", None, headers={"Origin": origin, **PREFLIGHT})

        assert preflight.status_code == 401, origin
        for headers in (answer.headers, preflight.headers):
            assert headers["vary"] == "Origin"
            assert not [name for name in headers if name.startswith("access-control")], origin


def test_plain_options_is_no_preflight_and_needs_a_key(origins: None, hub: Hub) -> None:
    from_app = {"Origin": ORIGIN}

    assert hub.ask("OPTIONS", "/api/predict/echo", None, headers=from_app).status_code == 401
    assert hub.ask("OPTIONS", "/api/predict/echo", headers=from_app).status_code == 405
