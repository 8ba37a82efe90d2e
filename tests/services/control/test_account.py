"""What signed-in people do with their own account, and how a platform comes to its first admin."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from registry import database, sessions, users
from registry.accounts import Role
from registry.clock import now
from registry.login_attempts import LoginAttempt
from services import account
from services.bootstrap import offer
from services.security.bearer import identify
from tests.services.middleware.conftest import ACTOR, PASSWORD, Hub, new_user

CLOSED = [
    *(("POST", "/auth/logout"), ("POST", "/auth/logout-all"), ("GET", "/auth/me"), ("POST", "/auth/validate")),
    *(("POST", "/auth/password"), ("GET", "/auth/sessions"), ("DELETE", "/auth/sessions/x")),
]
ANOTHER = "staple correct horse"


def test_only_signed_in_people_come_in(hub: Hub) -> None:
    for method, path in CLOSED:
        bare, wrong, garbled = (
            hub.ask(method, path, None, headers=headers)
            for headers in ({}, {"Authorization": "Bearer a.b.c"}, {"Authorization": "Basic YTpi"})
        )
        assert [answer.status_code for answer in (bare, wrong, garbled)] == [401] * 3, path
        assert bare.headers["www-authenticate"] == "Bearer" and "invalid_token" in wrong.headers["www-authenticate"]
        assert {answer.headers["cache-control"] for answer in (bare, wrong, garbled)} == {"no-store"}


def test_api_keys_open_nothing_of_it(hub: Hub) -> None:
    for method, path in CLOSED:
        assert hub.ask(method, path).status_code == 403
        assert hub.ask(method, path, None, headers={"Authorization": f"Bearer {hub.key}"}).status_code == 403
    token = hub.new_user("ada")
    assert hub.ask("GET", "/auth/me", "mp_live_x").status_code == 401, "of an invalid key no more is said"
    both = {"Authorization": f"Bearer {token}", "X-API-Key": hub.key}
    assert hub.ask("GET", "/auth/me", None, headers=both).status_code == 200, "the key doesn't hinder"


def test_every_closed_route_is_in_that_list(hub: Hub) -> None:
    assert {path.replace("x", "{sid}") for _, path in CLOSED} == {
        path for path in hub.control.routes.keys() - hub.control.open.keys() if path.startswith("/auth/")
    }


def test_people_learn_who_they_are(hub: Hub) -> None:
    token = hub.new_user("ada", Role.OPERATOR)
    told = hub.as_user("GET", "/auth/me", token).json()

    assert (told["username"], told["role"], told["email"]) == ("ada", "operator", None)
    assert "models:write" in told["permissions"] and "users:write" not in told["permissions"]
    assert told["last_login"] >= told["created_at"]


def test_a_token_is_told_what_it_says(hub: Hub) -> None:
    token = hub.new_user("ada", Role.VIEWER)
    claims = hub.as_user("POST", "/auth/validate", token).json()

    assert claims.keys() == {"sub", "sid", "jti", "iat", "exp", "role"}
    assert claims["exp"] - claims["iat"] == 900 and claims["role"] == "viewer" and claims["sub"].isdigit()


def test_signing_out_ends_this_session_alone(hub: Hub) -> None:
    hub.new_user("ada")
    here, there = hub.sign_in("ada"), hub.sign_in("ada")
    answer = hub.as_user("POST", "/auth/logout", here["access_token"])

    assert (answer.status_code, answer.content) == (204, b"")
    hub.hears()
    assert hub.as_user("GET", "/auth/me", here["access_token"]).status_code == 401
    assert hub.as_user("GET", "/auth/me", there["access_token"]).status_code == 200
    tokens = [(one["refresh_token"], status) for one, status in ((here, 401), (there, 200))]
    for token, status in tokens:
        assert hub.ask("POST", "/auth/refresh", None, json={"refresh_token": token}).status_code == status


def test_signing_out_everywhere_ends_all_sessions_of_the_user_and_no_others(hub: Hub) -> None:
    other = hub.new_user("bob")
    tokens = [hub.new_user("ada"), *(hub.sign_in("ada")["access_token"] for _ in range(2))]

    assert hub.as_user("POST", "/auth/logout-all", tokens[0]).json() == {"sessions": 3}
    hub.hears()
    assert [hub.as_user("GET", "/auth/me", token).status_code for token in (*tokens, other)] == [401, 401, 401, 200]
    assert [hub.as_user("POST", "/api/predict/echo", token).status_code for token in tokens] == [401] * 3


def test_sessions_are_listed_and_ended_one_by_one(hub: Hub) -> None:
    here = hub.new_user("ada")
    there = hub.sign_in("ada")["access_token"]
    listed = hub.as_user("GET", "/auth/sessions", here).json()["items"]

    assert [one["current"] for one in listed] == [False, True] and listed[0]["ip_address"] == "127.0.0.1"
    assert listed[0].keys() == {
        *("sid", "created_at", "last_used", "expires_at", "ip_address", "user_agent", "current")
    }
    assert hub.as_user("DELETE", f"/auth/sessions/{listed[0]['sid']}", here).status_code == 204
    hub.hears()
    assert hub.as_user("GET", "/auth/me", there).status_code == 401
    assert len(hub.as_user("GET", "/auth/sessions", here).json()["items"]) == 1


def test_many_sessions_come_a_page_at_a_time(hub: Hub) -> None:
    here = hub.new_user("ada")
    for _ in range(4):
        hub.sign_in("ada")
    found, cursor = [], ""
    for rows in (2, 2, 1):
        page = hub.as_user("GET", f"/auth/sessions?limit=2{cursor}", here).json()
        assert len(page["items"]) == rows
        found += [one["sid"] for one in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert len(set(found)) == 5 and page["next_cursor"] is None


def test_anothers_session_is_not_found(hub: Hub) -> None:
    ada, bob = hub.new_user("ada", Role.ADMIN), hub.new_user("bob")
    of_bob = hub.as_user("GET", "/auth/sessions", bob).json()["items"][0]["sid"]

    refused = hub.as_user("DELETE", f"/auth/sessions/{of_bob}", ada)
    assert refused.status_code == 404 == hub.as_user("DELETE", "/auth/sessions/nobodys", ada).status_code
    assert refused.json()["error"]["message"] == "You have no such session."
    assert hub.as_user("DELETE", f"/auth/sessions/{'x' * 65}", ada).status_code == 400
    hub.hears()
    assert hub.as_user("GET", "/auth/me", bob).status_code == 200


def change(hub: Hub, token: str, current: str, new: str) -> httpx.Response:
    """Ask for another password."""
    return hub.as_user("POST", "/auth/password", token, json={"current_password": current, "new_password": new})


def test_a_changed_password_ends_the_other_sessions(hub: Hub) -> None:
    here = hub.new_user("ada")
    there = hub.sign_in("ada")

    assert change(hub, here, PASSWORD, ANOTHER).status_code == 204
    hub.hears()
    assert hub.as_user("GET", "/auth/me", here).status_code == 200
    assert hub.as_user("GET", "/auth/me", there["access_token"]).status_code == 401
    signed_in = [
        hub.ask("POST", "/auth/login", None, json={"username": "ada", "password": password}).status_code
        for password in (PASSWORD, ANOTHER)
    ]
    assert signed_in == [401, 200]


def test_a_password_is_not_changed_without_the_present_one_or_to_a_bad_one(hub: Hub) -> None:
    token = hub.new_user("ada")

    assert change(hub, token, "wrong", ANOTHER).status_code == 403
    for bad in ("sh0rt", "password123", "ada12345"):
        refused = change(hub, token, PASSWORD, bad)
        assert refused.status_code == 400 and bad not in refused.text
    with database.reading() as session:
        failed = session.exec(select(LoginAttempt.success).order_by(col(LoginAttempt.id))).all()
    assert failed == [True, False], "the sign-in, and the wrong password as one"
    assert hub.sign_in("ada")


def test_guessing_the_present_password_slows_down_as_signing_in_does(hub: Hub) -> None:
    token = hub.new_user("ada")

    statuses = [change(hub, token, "wrong", ANOTHER).status_code for _ in range(7)]
    assert statuses[:5] == [403] * 5 and statuses[-1] == 429


@pytest.mark.parametrize("ending", ["disabled", "closed"])
def test_what_has_just_ended_changes_nothing_though_the_worker_has_not_heard(hub: Hub, ending: str) -> None:
    token = hub.new_user("ada")
    who = identify(token.encode(), _directory(hub))
    with database.session() as session:
        ada = users.existing_user(session, "ada")
        if ending == "disabled":
            users.set_active(session, ada, False, actor=ACTOR)
        else:
            sessions.close_all(session, ada, actor=ACTOR, now=now())

    for asked in (account.profile, account.own_sessions, account.sign_out, account.sign_out_everywhere):
        with pytest.raises(Exception, match="This bearer token is not valid"):
            asked(who)


def _directory(hub: Hub) -> Any:
    """What the hub knows, as its authentication sees it."""
    checks: Any = hub.app
    return checks.immediate._directory


def bootstrap(hub: Hub, token: str, username: str = "ada", password: str = PASSWORD) -> httpx.Response:
    """Ask to become the first admin."""
    given = {"token": token, "username": username, "password": password}
    return hub.ask("POST", "/auth/bootstrap", None, json=given)


def test_the_first_admin_is_made_once(hub: Hub) -> None:
    token = offer() or ""
    made = bootstrap(hub, token)

    assert made.status_code == 201 and made.json()["role"] == "admin"
    hub.hears()
    assert hub.as_user("GET", "/auth/me", hub.sign_in("ada")["access_token"]).json()["username"] == "ada"
    assert bootstrap(hub, token, "bob").status_code == 401 and offer() is None


def test_what_is_refused_uses_up_no_token(hub: Hub) -> None:
    token = offer() or ""
    new_user("bob")
    refused = [
        *(bootstrap(hub, "x" * 43), bootstrap(hub, token, "a b"), bootstrap(hub, token, password="password123")),
        *(bootstrap(hub, token, "bob"), bootstrap(hub, token, "local"), bootstrap(hub, "x" * 65)),
    ]

    assert [answer.status_code for answer in refused] == [401, 400, 400, 409, 409, 400]
    assert not any(token in answer.text for answer in refused)
    assert bootstrap(hub, token).status_code == 201


def test_two_at_once_make_one_admin(hub: Hub) -> None:
    tokens = [offer() or "", offer() or ""]

    async def at_once() -> list[httpx.Response]:
        given = [
            {"token": token, "username": f"admin{number}", "password": PASSWORD} for number, token in enumerate(tokens)
        ]
        return await asyncio.gather(*(hub._client.post("/auth/bootstrap", json=one) for one in given))

    assert sorted(answer.status_code for answer in hub.run(at_once())) == [201, 401]
