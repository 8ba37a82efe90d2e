"""Signing in: tokens for who knows the password, one answer for everybody else, and a record of every attempt."""

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from sqlmodel import col, select

from registry import audit, database, users
from registry.accounts import Role
from registry.audit import AuditEntry
from registry.errors import Unauthenticated
from registry.login_attempts import LoginAttempt
from services.sign_in import Client, sign_in
from tests.services.middleware.conftest import ACTOR, PASSWORD, Hub, new_user

LOGIN = "/auth/login"
VARYING = {"x-request-id", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset"}


def login(hub: Hub, username: str, password: str = PASSWORD, **options: Any) -> httpx.Response:
    """Try to sign in."""
    return hub.ask("POST", LOGIN, None, json={"username": username, "password": password}, **options)


def attempts() -> list[tuple[str | None, bool]]:
    """Every sign-in that was tried, and whether it was right."""
    with database.reading() as session:
        found = session.exec(select(LoginAttempt).order_by(col(LoginAttempt.id)))
        return [(row.username, row.success) for row in found]


def trail(action: str) -> list[AuditEntry]:
    """The audit's entries of that kind."""
    with database.reading() as session:
        return list(session.exec(select(AuditEntry).where(AuditEntry.action == action)))


def test_who_knows_the_password_gets_tokens(hub: Hub) -> None:
    new_user("ada")
    answer = login(hub, "ADA", headers={"User-Agent": "curl/8"})
    tokens = answer.json()

    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert tokens.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 900)
    hub.hears()
    assert hub.as_user("GET", "/auth/me", tokens["access_token"]).json()["username"] == "ada"


def test_a_sign_in_is_written_down_once(hub: Hub) -> None:
    new_user("ada")
    login(hub, "ada", headers={"User-Agent": "curl/8"})

    (entry,) = trail(audit.Action.SESSION_OPENED)
    assert entry.actor == "user:ada" and '"address":"127.0.0.1"' in entry.detail
    assert attempts() == [("ada", True)]
    with database.reading() as session:
        assert users.existing_user(session, "ada").last_login is not None
        assert session.exec(select(LoginAttempt.user_agent)).all() == ["curl/8"]


WRONG = [("nobody", PASSWORD), ("ada", "wrong"), ("gone", PASSWORD), ("not a name", PASSWORD)]


@pytest.fixture
def gone(registry: Path) -> None:
    """A user who may sign in, and one who was disabled."""
    new_user("ada")
    new_user("gone")
    with database.session() as session:
        users.set_active(session, users.existing_user(session, "gone"), False, actor=ACTOR)


@pytest.mark.usefixtures("gone")
def test_unknown_wrong_and_disabled_are_the_same_answer(hub: Hub) -> None:
    heard = []
    for username, password in WRONG:
        answer = login(hub, username, password)
        headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
        heard.append((answer.status_code, headers, answer.json()["error"]))

    assert heard == [heard[0]] * 4
    status, headers, error = heard[0]
    assert (status, headers["www-authenticate"], error["code"]) == (401, "Bearer", "UNAUTHENTICATED")
    assert headers["cache-control"] == "no-store"


@pytest.mark.usefixtures("gone")
def test_unknown_wrong_and_disabled_are_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, stored: str, given: str) -> bool:
        verified.append(stored[:30])  # algorithm and costs
        return bool(verify(self, stored, given))

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for username, password in WRONG:
        with pytest.raises(Unauthenticated):
            sign_in(username, password, Client("127.0.0.1", "test"))

    assert len(verified) == 4 and verified == [verified[0]] * 4
    assert attempts() == [("nobody", False), ("ada", False), ("gone", False), (None, False)]
    assert trail(audit.Action.SESSION_OPENED) == []


def test_failures_slow_down_and_even_the_right_password_has_to_wait(hub: Hub) -> None:
    new_user("ada")
    answers = [login(hub, "ada", "wrong") for _ in range(7)]

    assert [answer.status_code for answer in answers[:5]] == [401] * 5 and answers[-1].status_code == 429
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED" and int(refused.headers["retry-after"]) >= 1
    assert [name for name, _ in refused.headers.multi_items()].count("retry-after") == 1


NO_CREDENTIALS = [
    *("", "{", "[]", "null", '"ada"', "\x00", "[" * 100_000, '{"username": "ada"}', '{"password": "hunter2hunter2"}'),
    '{"username": "ada", "password": "hunter2hunter2", "role": "admin"}',
    '{"username": "ada", "password": 12345678}',
    '{"username": ["hunter2hunter2"], "password": "hunter2hunter2"}',
    '{"username": "ada", "password": "' + "hunter2hunter2" * 100 + '"}',
    '{"username": "' + "hunter2hunter2" * 100 + '", "password": "x"}',
    '{"username": "ada", "password": "hunter2hunter2\\ud800"}',
    '{"username": "ada", "password": ""}',
    '{"username": "ada", "password": "hunter2hunter2"',
]


@pytest.mark.parametrize("body", NO_CREDENTIALS, ids=range(len(NO_CREDENTIALS)))
def test_what_has_not_the_form_of_credentials_is_400_and_repeats_nothing(
    hub: Hub, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "modelport"):
        answer = hub.ask("POST", LOGIN, None, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400 and answer.json()["error"]["code"] == "INVALID_INPUT"
    assert answer.json().keys() == {"error", "request_id"} and len(answer.content) < 1000
    assert "hunter2" not in answer.text + caplog.text and answer.headers["cache-control"] == "no-store"
    assert attempts() == []


def test_faults_of_a_body_are_named(hub: Hub) -> None:
    def fault(body: Any) -> Any:
        return hub.ask("POST", LOGIN, None, json=body).json()["error"]

    assert fault({"username": "ada", "secret": "x"})["details"] == {
        "missing_fields": ["password"],
        "unknown_fields": ["secret"],
    }
    assert fault({"username": 1, "password": "x"})["message"] == "username: Input should be a valid string"


def test_other_ways_to_ask_are_refused_in_the_one_body(hub: Hub) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    ways = [
        (hub.ask("POST", LOGIN, None, content="username=ada&password=x", headers=form), 415),
        (hub.ask("POST", LOGIN, None, content="{}", headers={"Content-Encoding": "gzip"}), 415),
        (hub.ask("POST", LOGIN, None, content=b"x" * 1_000_001), 413),
        (hub.ask("GET", LOGIN, None), 405),
        (hub.ask("POST", "/auth/nothing", hub.key), 404),
    ]
    for answer, status in ways:
        assert answer.status_code == status and answer.json().keys() == {"error", "request_id"}
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["cache-control"] == "no-store"
    assert ways[3][0].headers["allow"] == "POST"


def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(hub: Hub) -> None:
    new_user("ada")
    hub.hears()
    first = hub.sign_in("ada")

    def refresh(token: str) -> httpx.Response:
        return hub.ask("POST", "/auth/refresh", None, json={"refresh_token": token})

    second = refresh(first["refresh_token"]).json()
    assert second.keys() == first.keys() and second["refresh_token"] != first["refresh_token"]
    third = refresh(second["refresh_token"]).json()
    assert hub.as_user("GET", "/auth/me", third["access_token"]).status_code == 200

    assert refresh(first["refresh_token"]).status_code == 401
    hub.hears()
    assert refresh(third["refresh_token"]).status_code == 401
    assert hub.as_user("GET", "/auth/me", third["access_token"]).status_code == 401
    assert hub.predict(None, headers={"Authorization": f"Bearer {third['access_token']}"}).status_code == 401


@pytest.mark.parametrize("token", ["mpr_" + "x" * 43, "x", "mpr_é", "eyJ.e.x"])
def test_what_is_no_refresh_token_is_401(hub: Hub, token: str) -> None:
    answer = hub.ask("POST", "/auth/refresh", None, json={"refresh_token": token})
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"


def test_credentials_do_not_hinder_a_sign_in(hub: Hub) -> None:
    new_user("ada", Role.VIEWER)

    for headers in ({"X-API-Key": "mp_live_wrong"}, {"Authorization": "Bearer expired"}):
        assert login(hub, "ada", headers=headers).status_code == 200


def test_no_room_to_verify_a_password_is_no_failed_attempt(hub: Hub) -> None:
    new_user("ada")
    hub.control.app.state.threads.auth.close()  # type: ignore[attr-defined]

    answer = login(hub, "ada")
    assert answer.status_code == 503 and attempts() == []


def test_a_registry_that_does_not_answer_is_503_and_says_nothing_of_the_inside(hub: Hub) -> None:
    with database.engine().begin() as connection:
        connection.exec_driver_sql("ALTER TABLE login_attempts RENAME TO elsewhere")

    answer = login(hub, "ada")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"]["message"] == "The registry does not answer; try again shortly."
