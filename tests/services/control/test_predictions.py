"""The request log over HTTP: people see what their own keys did, admins all of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from registry import database
from registry.accounts import ApiKey, Role, User, find_key
from registry.catalog import Endpoint, find_endpoint
from registry.errors import InvalidInput
from registry.predictions import Prediction
from registry.settings import settings
from registry.traffic import ApiRequest
from registry.users import existing_user
from services import worker
from services.inference.servable import Servable
from services.keys import issue
from services.remember import remember
from services.stored_predictions import content_type
from tests.services.control.asking import doors, listed, opened_to, refusals, token_of
from tests.services.middleware.conftest import ACTOR, Hub, new_endpoint

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOG = "/predictions"
MARKER = b"what only the client should see"
IMAGE = b"\x89PNG\r\n\x1a\n" + MARKER * 50


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


async def see(body: bytes, request_id: str) -> bytes:
    """Stands in for a service that looks at three images, of which one can't be read."""
    if b"bomb" in body:
        remember(category="cat", image=body)
        raise InvalidInput("That is no image.")
    remember(category="cat", confidence=0.75, probabilities={"cat": 0.75, "dog": 0.25}, filename="../a cat.png")
    remember(error="That is no image.", filename="note.txt")
    await asyncio.to_thread(remember, category="dog", confidence=0.5, filename="dög.png", image=IMAGE)
    return b"[]"


@pytest.fixture
def seeing(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`echo` looks at images, and keeps them."""
    monkeypatch.setenv("MODELPORT_KEEP_IMAGES", "true")
    monkeypatch.setenv("MODELPORT_IMAGE_KEY", "k" * 32)
    settings.cache_clear()
    monkeypatch.setattr(worker, "load_servable", lambda it, link: Servable(dict.fromkeys(it.paths, see), it.version, 1))


def seen(hub: Hub, token: str, key: str | None = None) -> dict[str, Any]:
    """A request of that user in the list, once it is there."""
    count = len(listed(hub, LOG, token))
    answer = hub.predict(key) if key else hub.as_user("POST", "/api/predict/echo", token, json={"x": 1})
    assert answer.status_code == 200
    hub.eventually(lambda: len(listed(hub, LOG, token)) > count)
    return listed(hub, LOG, token)[0]


def test_what_a_service_remembers_is_listed_in_its_order(seeing: None, hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    _, text = key_of("some-user")
    hub.hears()
    for key in (None, text):
        results = seen(hub, token, key)["results"]
        assert [(one["category"], one["confidence"]) for one in results] == [("cat", 0.75), (None, None), ("dog", 0.5)]
    assert [len(listed(hub, LOG, token, category=name)) for name in ("cat", "dog", "bird")] == [2, 2, 0]
    with database.reading() as session:
        assert existing_user(session, "some-user").prediction_count == 6


def test_nothing_is_remembered_of_a_request_that_is_refused(seeing: None, hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    assert hub.as_user("POST", "/api/predict/echo", token, json={"x": "bomb"}).status_code == 400
    hub.eventually(lambda: listed(hub, LOG, token))
    assert [one["results"] for one in listed(hub, LOG, token)] == [[]]
    with database.reading() as session:
        assert not session.exec(select(Prediction)).all()


def test_a_prediction_shows_everything_that_is_stored_of_it(seeing: None, hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    request = seen(hub, token)
    cat, note, dog = [hub.as_user("GET", f"{LOG}/{one['id']}", token).json() for one in request["results"]]
    of_request = {"request_id": request["request_id"], "timestamp": request["timestamp"]}
    assert cat == of_request | {
        "id": request["results"][0]["id"],
        "endpoint": "echo",
        "user": "some-user",
        "filename": "a cat.png",
        "category": "cat",
        "confidence": 0.75,
        "probabilities": {"cat": 0.75, "dog": 0.25},
        "processing_time": None,
        "status": "success",
        "error": None,
        "has_image": False,
    }
    assert (note["status"], note["error"], note["category"]) == ("error", "That is no image.", None)
    hub.eventually(lambda: hub.as_user("GET", f"{LOG}/{dog['id']}", token).json()["has_image"])


def test_anothers_prediction_is_as_unknown_as_none(seeing: None, hub: Hub) -> None:
    owner, other, admin = (token_of(hub, role) for role in (Role.USER, Role.OPERATOR, Role.ADMIN))
    id = seen(hub, owner)["results"][2]["id"]
    hub.eventually(lambda: hub.as_user("GET", f"{LOG}/{id}/image", owner).status_code == 200)
    for part in ("", "/image"):
        answers = [hub.as_user("GET", f"{LOG}/{one}{part}", other) for one in (id, "0" * 32, "x", id.upper())]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.json()["error"]["message"] for answer in answers}) == 1
        assert hub.as_user("GET", f"{LOG}/{id}{part}", admin).status_code == 200
        assert doors(hub, "GET", f"{LOG}/{id}{part}") == opened_to(Role.ADMIN) | {"operator": 404, "user": 200}


def test_an_image_comes_back_as_it_was_sent(seeing: None, hub: Hub, empty_home: Path) -> None:
    token = token_of(hub, Role.USER)
    cat, _, dog = [one["id"] for one in seen(hub, token)["results"]]
    hub.eventually(lambda: hub.as_user("GET", f"{LOG}/{dog}/image", token).status_code == 200)
    answer = hub.as_user("GET", f"{LOG}/{dog}/image", token)
    assert answer.content == IMAGE and answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''d%C3%B6g.png"
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == (
        "nosniff",
        "no-store",
    )
    assert hub.as_user("GET", f"{LOG}/{cat}/image", token).status_code == 404
    assert not [file for file in empty_home.rglob("*") if file.is_file() and MARKER in file.read_bytes()]


def test_an_image_under_another_key_is_a_503_in_one_line(
    seeing: None, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = token_of(hub, Role.USER)
    dog = seen(hub, token)["results"][2]["id"]
    hub.eventually(lambda: hub.as_user("GET", f"{LOG}/{dog}/image", token).status_code == 200)
    monkeypatch.setenv("MODELPORT_IMAGE_KEY", "another" * 5)
    settings.cache_clear()
    answer = hub.as_user("GET", f"{LOG}/{dog}/image", token)
    assert answer.status_code == 503 and "another key" in answer.json()["error"]["message"]
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"GIF89a", "image/gif"),
        (b"<svg onload=alert(1)>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_an_image_has_the_type_that_its_first_bytes_tell(begin: bytes, kind: str) -> None:
    assert content_type(begin) == kind
