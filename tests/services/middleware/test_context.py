"""Every answer is counted and logged with its subject; a call whose client left is neither."""

from typing import Any

from sqlmodel import select
from starlette.types import Message

from registry import accounts, database
from registry.accounts import User
from registry.settings import settings
from services.security.api_keys import mint
from tests.services.middleware.conftest import Hub

ECHO = "/api/predict/echo"


def test_the_log_says_who_asked_what_and_how_it_went(hub: Hub) -> None:
    endpoint = hub.new_endpoint("churn")
    key = hub.new_key("churn")
    good = hub.ask("POST", "/api/predict/churn", key, json={"x": 1})
    bad = hub.ask("POST", f"/api/predict/{endpoint.id}", key, content=b"x", headers={"Content-Type": "text/plain"})
    hub.eventually(lambda: len(hub.log()) == 2)

    first, second = hub.log()
    assert first.request_id == good.headers["x-request-id"] and second.request_id == bad.headers["x-request-id"]
    assert (first.status_code, second.status_code) == (200, 415)
    assert (first.error_message, second.error_message) == (None, "UNSUPPORTED_MEDIA_TYPE")
    for row in (first, second):
        assert (row.method, row.route, row.endpoint_id) == ("POST", "/api/predict/churn", endpoint.id)
        assert row.api_key_id is not None and row.memory_usage and 0 < row.response_time < 5


def test_refusals_are_logged_under_the_endpoint_they_were_meant_for(hub: Hub) -> None:
    hub.set_limit("echo", "1/day")
    key = hub.new_key("echo")
    statuses = [hub.predict(given).status_code for given in (key, key, None, "mp_x")]
    hub.eventually(lambda: len(hub.log()) == 4)

    assert statuses == [200, 429, 401, 401] == [row.status_code for row in hub.log()]
    assert {row.route for row in hub.log()} == {ECHO}


def test_health_and_documents_are_not_logged(hub: Hub) -> None:
    for path in ("/livez", "/readyz", "/docs", "/openapi.json", "/docs/page/docs.js", "/"):
        assert hub.ask("GET", path, key=None).status_code in (200, 307)
    hub.predict()
    hub.eventually(hub.log)

    assert [row.route for row in hub.log()] == [ECHO]


def test_a_call_whose_client_left_is_not_logged(hub: Hub) -> None:
    half: list[Message] = [{"type": "http.request", "body": b'{"x":', "more_body": True}]

    assert hub.raw(ECHO, half) == []
    assert hub.raw(ECHO, []) == []
    hub.predict()
    hub.eventually(hub.log)
    assert [row.status_code for row in hub.log()] == [200]


def test_the_log_names_who_is_signed_in_and_counts_their_predictions_by_token_and_by_key(hub: Hub) -> None:
    token = hub.new_user("ada")
    with database.session() as session:
        ada = session.exec(select(User).where(User.username == "ada")).one()
        ada_id = ada.id
        made = mint("test", settings().pepper_bytes())
        names: dict[str, Any] = {"key_id": made.key_id, "key_hash": made.key_hash, "name": "ada's"}
        key_id = accounts.add_key(session, **names, user=ada, endpoint=None, actor="user:ada").id
    hub.hears()
    hub.as_user("POST", ECHO, token, json={})
    hub.as_user("POST", ECHO, token, content=b"bomb")  # no prediction
    hub.as_user("GET", "/auth/me", token)
    hub.predict(made.text)
    hub.eventually(lambda: [row.route for row in hub.log()].count(ECHO) == 3)

    rows = [
        (row.route, row.status_code, row.user_id, row.api_key_id) for row in hub.log() if row.route != "/auth/login"
    ]
    assert rows == [
        (ECHO, 200, ada_id, None),
        (ECHO, 500, ada_id, None),
        ("/auth/me", 200, ada_id, None),
        (ECHO, 200, ada_id, key_id),
    ]
    with database.reading() as session:
        assert session.get_one(User, ada_id).prediction_count == 2


def test_a_row_outlives_the_user_it_names(hub: Hub) -> None:
    token = hub.new_user("ada")
    hub.as_user("POST", ECHO, token, json={})
    with database.engine().begin() as connection:
        connection.exec_driver_sql("DELETE FROM users WHERE username = 'ada'")
    hub.eventually(lambda: any(row.route == ECHO for row in hub.log()))

    assert [row.user_id for row in hub.log() if row.route == ECHO] == [None]
