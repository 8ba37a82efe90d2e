"""Each key has its limit; refusals say when to come back, and headers tell the truth on every answer."""

from collections.abc import Callable
from time import sleep

import httpx
import pytest

from registry.settings import settings
from tests.services.middleware.conftest import Hub


def test_a_key_may_call_a_hundred_times_a_minute_by_default(hub: Hub) -> None:
    key = hub.new_key("echo")
    answers = [hub.predict(key) for _ in range(103)]

    assert [answer.status_code for answer in answers] == [200] * 100 + [429] * 3
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers[:100]] == [str(99 - n) for n in range(100)]
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert refused.json()["error"]["details"] == {
        "limit": "100/minute",
        "retry_after": int(refused.headers["retry-after"]),
    }
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-policy"] == '"default";q=100;w=60'
    assert refused.headers["ratelimit"] == f'"default";r=0;t={refused.headers["retry-after"]}'
    assert hub.predict(hub.new_key("echo")).status_code == 200, "another key has its own limit"


def test_who_waits_as_long_as_he_is_told_is_let_in(hub: Hub) -> None:
    hub.set_limit("echo", "3/second")
    key = hub.new_key("echo")
    while (refused := hub.predict(key)).status_code == 200:
        pass

    assert refused.headers["retry-after"] == "1"
    sleep(1)
    assert hub.predict(key).status_code == 200


def test_a_changed_limit_holds_at_once(hub: Hub) -> None:
    key = hub.new_key("echo")
    assert hub.predict(key).headers["x-ratelimit-limit"] == "100"

    hub.set_limit("echo", "2/minute")
    assert [hub.predict(key).status_code for _ in range(2)] == [200, 429]


def test_health_and_documents_cost_nothing(hub: Hub) -> None:
    hub.set_limit("echo", "1/day")
    key = hub.new_key("echo")
    for path in ("/livez", "/readyz", "/health", "/docs", "/openapi.json", "/docs/page/docs.js"):
        answer = hub.ask("GET", path, key)
        assert answer.status_code == 200 and "ratelimit" not in answer.headers

    assert hub.predict(key).status_code == 200


def test_faults_of_the_caller_count_too(hub: Hub) -> None:
    hub.set_limit("echo", "2/day")
    key = hub.new_key("echo")
    wrong = {"Content-Type": "text/plain"}

    assert [hub.predict(key, headers=wrong).status_code for _ in range(3)] == [415, 415, 429]


def test_no_other_address_gives_a_key_back_what_it_has_used(hub: Hub) -> None:
    hub.set_limit("echo", "2/hour")
    key = hub.new_key("echo")
    assert [hub.predict(key).status_code for _ in range(3)] == [200, 200, 429]

    assert hub.ask("GET", "/nowhere", key).status_code == 429, "the limit of its endpoint goes with the key"
    assert hub.predict(key).status_code == 429


def test_a_key_of_every_endpoint_has_a_count_with_each_that_has_its_own_limit(hub: Hub) -> None:
    hub.set_limit("echo", "2/hour")
    hub.new_endpoint("quick", rate_limit="5/second")
    hub.new_endpoint("usual")

    def call(name: str) -> int:
        return hub.ask("POST", f"/api/predict/{name}", json={}).status_code

    assert [call("echo") for _ in range(3)] == [200, 200, 429]
    assert [call("quick") for _ in range(5)] == [200] * 5
    sleep(1.05)  # the window of `quick`, not of `echo`
    assert [call("quick"), call("usual"), call("echo")] == [200, 200, 429]


def test_what_a_key_may_not_do_counts_too(hub: Hub) -> None:
    hub.new_endpoint("other")
    hub.set_limit("echo", "2/day")
    key = hub.new_key("echo")
    answers = [hub.ask("POST", "/api/predict/other", key) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [403, 403, 429]
    assert answers[0].headers["x-ratelimit-remaining"] == "1"


@pytest.fixture
def five_an_hour(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting for who has no credentials, small enough to be used up."""
    monkeypatch.setenv("MODELPORT_UNAUTHENTICATED_RATE_LIMIT", "5/hour")
    settings.cache_clear()


def test_an_address_without_valid_credentials_may_call_that_often(five_an_hour: None, hub: Hub) -> None:
    ways: list[Callable[[], httpx.Response]] = [
        lambda: hub.predict(None),
        lambda: hub.predict("mp_live_guess"),
        lambda: hub.predict(None, headers={"Authorization": "Bearer a.b.c"}),
        lambda: hub.ask("GET", "/auth/me", None),
        lambda: hub.ask("GET", "/nowhere", None),
    ]
    answers = [way() for way in ways]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["4", "3", "2", "1", "0"]

    for refused in (way() for way in ways):
        assert refused.status_code == 429 and 3590 <= int(refused.headers["retry-after"]) <= 3600
        assert refused.headers["ratelimit-policy"] == '"default";q=5;w=3600'
        assert refused.json()["error"]["details"]["limit"] == "5/hour"


def test_a_guesser_locks_out_nobody(five_an_hour: None, hub: Hub) -> None:
    key, token = hub.new_key("echo"), hub.new_user("ada")
    while hub.predict(f"{key}x").status_code != 429:
        pass

    for valid in (key, hub.key):
        assert hub.predict(valid).headers["x-ratelimit-remaining"] == "99", "no guess was counted against a key"
    assert hub.as_user("GET", "/auth/me", token).status_code == 200
    assert hub.ask("GET", "/livez", None).status_code == hub.ask("GET", "/docs", None).status_code == 200
    assert hub.sign_in("ada"), "signing in has a limit of its own"


def test_it_is_a_hundred_an_hour_unless_set(home: object) -> None:
    assert settings().unauthenticated_rate_limit == "100/hour"
