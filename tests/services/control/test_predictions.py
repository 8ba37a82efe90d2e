"""The request log over HTTP: people see what their own keys did, admins all of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry import database
from registry.accounts import ApiKey, Role, User, find_key
from registry.catalog import Endpoint, find_endpoint
from registry.traffic import ApiRequest
from registry.users import existing_user
from services.keys import issue
from tests.services.control.asking import doors, listed, opened_to, refusals, token_of
from tests.services.middleware.conftest import ACTOR, Hub, new_endpoint

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOG = "/predictions"


def key_of(username: str) -> tuple[str, str]:
    """A new key of that user: its id and its text."""
    with database.session() as session:
        made = issue(session, user=existing_user(session, username), endpoint_name=None, name="k", actor=ACTOR)
        return made.key.key_id, made.text


def log(number: int, key_id: str | None, endpoint: str = "echo", **columns: Any) -> str:
    """A row of the log, so many minutes after noon; its request's id."""
    with database.session() as session:
        key: ApiKey | None = find_key(session, key_id) if key_id is not None else None
        asked: Endpoint | None = find_endpoint(session, endpoint)
        row = ApiRequest(
            request_id=f"{number:032x}",
            endpoint_id=asked.id if asked is not None else None,
            api_key_id=key.id if key is not None else None,
            user_id=key.user_id if key is not None else None,
            method="POST",
            route=f"/api/predict/{endpoint}",
            response_time=0.25,
            status_code=200,
            timestamp=NOON + timedelta(minutes=number),
        )
        session.add(row.sqlmodel_update(columns))
        return row.request_id


def numbers(hub: Hub, token: str, **query: Any) -> list[int]:
    """The minutes of the predictions that are listed."""
    return [int(one["request_id"], 16) for one in listed(hub, LOG, token, limit=2, **query)]


def test_who_predicts_comes_in_and_nobody_else(hub: Hub) -> None:
    assert doors(hub, "GET", LOG) == opened_to(Role.ADMIN, Role.OPERATOR, Role.USER)


def test_a_prediction_is_listed_and_what_was_said_is_not(hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    key_id, text = key_of("some-user")
    hub.hears()
    right, wrong = hub.predict(text, json={"x": 4242}), hub.predict(text, content="bomb")
    hub.eventually(lambda: len(listed(hub, LOG, token)) == 2)
    newest, first = listed(hub, LOG, token)

    assert (first["request_id"], newest["request_id"]) == tuple(a.headers["x-request-id"] for a in (right, wrong))
    expected = {"endpoint": "echo", "key": key_id, "user": "some-user", "status": 200, "error": None}
    assert first.items() >= expected.items() and first["route"] == "/api/predict/echo" and first["seconds"] > 0
    assert newest["status"] == wrong.status_code and newest["error"] == wrong.json()["error"]["code"]
    assert "4242" not in str(first) and "bomb" not in str(newest)


def test_a_prediction_of_somebody_signed_in_bears_their_name(hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    hub.hears()
    assert hub.as_user("POST", "/api/predict/echo", token, json={"x": 1}).status_code == 200
    hub.eventually(lambda: len(listed(hub, LOG, token)) == 1)
    (row,) = listed(hub, LOG, token)

    assert (row["key"], row["user"]) == (None, "some-user")


@pytest.fixture
def filled(hub: Hub) -> dict[str, str]:
    """A log with the rows of two users' keys and of nobody's; the keys' ids by user."""
    for role in (Role.USER, Role.OPERATOR, Role.ADMIN):
        token_of(hub, role)
    keys = {name: key_of(name)[0] for name in ("some-user", "some-operator")}
    new_endpoint("churn")
    log(1, keys["some-user"])
    log(2, keys["some-operator"], status_code=429, error_message="RATE_LIMIT_EXCEEDED")
    log(3, keys["some-user"], "churn", status_code=500, error_message="MODEL_ERROR")
    log(4, None)
    log(5, keys["some-user"], status_code=400)
    log(6, keys["some-user"], endpoint="no endpoint", route="/auth/me")
    return keys


def test_people_see_their_own_and_admins_all(hub: Hub, filled: dict[str, str]) -> None:
    user, operator, admin = (token_of(hub, role) for role in (Role.USER, Role.OPERATOR, Role.ADMIN))

    assert (numbers(hub, user), numbers(hub, operator), numbers(hub, admin)) == ([5, 3, 1], [2], [5, 4, 3, 2, 1])
    assert numbers(hub, user, key=filled["some-operator"]) == [] == numbers(hub, user, request_id=f"{2:032x}")
    assert numbers(hub, admin, key=filled["some-operator"]) == [2] == numbers(hub, admin, request_id=f"{2:032x}")


def test_the_log_is_filtered_and_sorted(hub: Hub, filled: dict[str, str]) -> None:
    admin = token_of(hub, Role.ADMIN)

    assert numbers(hub, admin, sort="timestamp") == [1, 2, 3, 4, 5]
    assert numbers(hub, admin, endpoint="churn") == [3] and numbers(hub, admin, endpoint="nothing") == []
    found = [numbers(hub, admin, status=status) for status in ("2xx", "4xx", "5xx")]
    assert found == [[4, 1], [5, 2], [3]]
    assert numbers(hub, admin, **{"from": "2026-11-22T12:02:00Z", "until": "2026-11-22T12:04:00"}) == [3, 2]
    assert numbers(hub, admin, until="2026-11-22T14:02:00+02:00") == [1]
    assert numbers(hub, admin, **{"from": "2026-11-23"}) == []


def test_what_a_query_must_not_hold_is_refused(hub: Hub) -> None:
    odd = [{"status": "3xx"}, {"status": "200"}, {"since": "2026-11-22"}, {"from": "0001-01-01T00:00:00+14:00"}]
    refusals(hub, LOG, token_of(hub, Role.USER), *odd, {"until": "soon"}, {"request_id": ""}, {"key": "\x00"})


def test_the_log_of_a_key_that_is_gone_is_an_admins(hub: Hub, filled: dict[str, str]) -> None:
    with database.session() as session:
        session.delete(session.get_one(User, existing_user(session, "some-operator").id))
    (row,) = [one for one in listed(hub, LOG, token_of(hub, Role.ADMIN)) if one["status"] == 429]
    assert (row["key"], row["user"], row["endpoint"]) == (None, None, "echo")
