"""API keys over HTTP: people make, see, replace and revoke their own, admins everybody's; a text is shown once."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from registry import database, users
from registry.accounts import ApiKey, Role
from registry.audit import Action, AuditEntry
from registry.errors import PlatformError
from registry.idempotency import IdempotencyRecord
from services import held_keys
from services.held_keys import Wanted
from services.security.api_keys import PATTERN
from services.security.bearer import identify
from tests.services.control.asking import doors, listed, opened_to, refusals, token_of
from tests.services.middleware.conftest import ACTOR, Hub, new_endpoint

HOLDERS = (Role.ADMIN, Role.OPERATOR, Role.USER)
KNOWN = {"id", "user", "endpoint", "name", "scopes", "status", "created_at", "last_used", "expires_at"}
IN_FULL = KNOWN | {"rotated_from", "grace_until", "revoked_at"}


def make(hub: Hub, token: str, once: str | None = None, **wanted: Any) -> httpx.Response:
    """Ask for a key."""
    headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": once} if once is not None else {})
    return hub.ask("POST", "/keys", None, json={"name": "mine"} | wanted, headers=headers)


def made(hub: Hub, token: str, **wanted: Any) -> dict[str, Any]:
    """A new key."""
    answer = make(hub, token, **wanted)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


def predicts(hub: Hub, text: str) -> int:
    """The status of a prediction with that key, once the hub has heard of it."""
    hub.hears()
    return hub.predict(text).status_code


def test_who_holds_keys_comes_in_and_nobody_else(hub: Hub) -> None:
    assert doors(hub, "GET", "/keys") == opened_to(*HOLDERS)
    assert doors(hub, "POST", "/keys", json={"name": "k"}) == opened_to(*HOLDERS, status=201)
    for method, path in (("GET", "/keys/x"), ("DELETE", "/keys/x"), ("POST", "/keys/x/rotate")):
        assert doors(hub, method, path) == opened_to(*HOLDERS, status=404)


def test_a_key_is_made_for_oneself_and_works(hub: Hub) -> None:
    key = made(hub, token_of(hub, Role.USER))

    assert key.keys() == IN_FULL | {"api_key"} and PATTERN.fullmatch(key["api_key"])
    assert key["id"] in key["api_key"] and key["user"] == "some-user"
    assert (key["scopes"], key["status"], key["endpoint"]) == (["predict"], "active", None)
    assert predicts(hub, key["api_key"]) == 200
    with database.reading() as session:
        (entry,) = session.exec(select(AuditEntry).where(AuditEntry.target == f"key:{key['id']}"))
    assert (entry.actor, entry.action) == ("user:some-user", Action.KEY_CREATED)


def test_a_key_may_no_more_than_its_holder(hub: Hub) -> None:
    user, admin = token_of(hub, Role.USER), token_of(hub, Role.ADMIN)
    hub.new_user("bob", Role.VIEWER)
    refused = [
        *(make(hub, user, scopes=["metrics"]), make(hub, user, never_expires=True), make(hub, user, user="bob")),
        *(make(hub, user, user="nobody"), make(hub, admin, user="bob", scopes=["predict"])),
        make(hub, admin, user="some-user", scopes=["metrics", "predict"]),
    ]
    assert [answer.status_code for answer in refused] == [403] * 6
    assert made(hub, admin, scopes=["predict", "metrics"], never_expires=True)["expires_at"] is None
    assert made(hub, admin, user="some-user")["user"] == "some-user"
    assert make(hub, admin, user="nobody").status_code == 404


def test_a_key_for_one_endpoint(hub: Hub) -> None:
    new_endpoint("churn")
    token = token_of(hub, Role.USER)
    assert made(hub, token, endpoint="churn")["endpoint"] == "churn"
    assert made(hub, token, scopes=["predict:churn", "predict:echo"])["scopes"] == ["predict:churn", "predict:echo"]
    statuses = [make(hub, token, endpoint="nothing"), make(hub, token, scopes=["predict:nothing"])]
    assert [answer.status_code for answer in statuses] == [404, 404]
    assert make(hub, token, endpoint="churn", scopes=["predict:churn"]).status_code == 400


BAD: list[dict[str, Any]] = [
    *({"name": one} for one in ("", "x" * 65, "a\nb", "a\x00b", 1, None, "\ud800")),
    *(
        {"scopes": one}
        for one in ([], ["admin"], ["predict:"], ["predict:A B"], "predict", [1], ["x" * 81], ["x"] * 101)
    ),
    *({"expires_days": one} for one in (0, 366, "90", 1.5)),
    *(
        {"endpoint": "x" * 65},
        {"endpoint": "a\x00"},
        {"user": "x" * 257},
        {"never_expires": True, "expires_days": 5},
        {"api_key": "mine"},
    ),
]


def test_what_no_key_can_be_is_refused_in_one_line(hub: Hub) -> None:
    headers = {"Authorization": f"Bearer {token_of(hub, Role.ADMIN)}", "Content-Type": "application/json"}
    for wanted in BAD:
        answer = hub.ask("POST", "/keys", None, headers=headers, content=json.dumps({"name": "k"} | wanted))
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "INVALID_INPUT"), wanted
        assert "\n" not in error["message"]


def test_people_see_their_own_keys_and_admins_everybodys(hub: Hub) -> None:
    user, operator, admin = (token_of(hub, role) for role in (Role.USER, Role.OPERATOR, Role.ADMIN))
    mine, other = made(hub, user), made(hub, operator)

    assert [key["id"] for key in listed(hub, "/keys", user)] == [mine["id"]]
    assert [key["id"] for key in listed(hub, "/keys", user, user="Some-User")] == [mine["id"]]
    assert {mine["id"], other["id"]} < {key["id"] for key in listed(hub, "/keys", admin, limit=1)}
    assert [key["id"] for key in listed(hub, "/keys", admin, user="some-operator")] == [other["id"]]
    assert listed(hub, "/keys", admin, user="some-admin") == []
    assert hub.as_user("GET", "/keys?user=some-operator", user).status_code == 403
    assert hub.as_user("GET", "/keys?user=nobody", admin).status_code == 404
    assert all(key.keys() == KNOWN for key in listed(hub, "/keys", admin))


def test_anothers_key_is_not_found(hub: Hub) -> None:
    user, operator, admin = (token_of(hub, role) for role in (Role.USER, Role.OPERATOR, Role.ADMIN))
    key = made(hub, operator)
    place = f"/keys/{key['id']}"
    for method, path in (("GET", place), ("DELETE", place), ("POST", f"{place}/rotate")):
        refused, absent = hub.as_user(method, path, user), hub.as_user(method, path.replace(key["id"], "x"), user)
        assert refused.status_code == 404 and refused.json()["error"] == absent.json()["error"]
    assert hub.as_user("GET", place, admin).json() == {name: key[name] for name in IN_FULL}
    assert hub.as_user("DELETE", place, admin).status_code == 204


def test_a_list_is_sorted_and_filtered(hub: Hub) -> None:
    new_endpoint("churn")
    token = token_of(hub, Role.USER)
    for name in ("b", "a", "c"):
        made(hub, token, name=name, endpoint="churn" if name != "c" else None, expires_days=ord(name))

    def names(**query: Any) -> str:
        return "".join(key["name"] for key in listed(hub, "/keys", token, limit=2, **query))

    assert (names(), names(sort="name"), names(sort="created_at")) == ("cab", "abc", "bac")
    assert (names(sort="expires_at"), names(sort="-last_used"), names(endpoint="churn")) == ("abc", "cab", "ab")
    assert names(endpoint="nothing") == ""
    refusals(hub, "/keys", token, {"user": ""}, {"endpoint": "\x00"}, {"sort": "key_hash"})


def test_a_revoked_key_opens_nothing_and_revoking_it_again_changes_nothing(hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    key = made(hub, token)
    for _ in range(2):
        assert hub.as_user("DELETE", f"/keys/{key['id']}", token).status_code == 204

    assert predicts(hub, key["api_key"]) == 401
    shown = hub.as_user("GET", f"/keys/{key['id']}", token).json()
    assert shown["status"] == "revoked" and shown["revoked_at"] is not None


def test_a_key_is_replaced_by_one_for_the_same_use(hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    old = made(hub, token, scopes=["predict:echo"], expires_days=10)
    answer = hub.as_user("POST", f"/keys/{old['id']}/rotate", token, json={"grace": "1h"})
    new = answer.json()

    assert answer.status_code == 201 and new["rotated_from"] == old["id"] and new["scopes"] == old["scopes"]
    assert [predicts(hub, key["api_key"]) for key in (old, new)] == [200, 200]
    assert hub.as_user("GET", f"/keys/{old['id']}", token).json()["status"] == "rotated"
    again = hub.as_user("POST", f"/keys/{old['id']}/rotate", token)
    assert again.status_code == 409
    none = hub.as_user("POST", f"/keys/{new['id']}/rotate", token, json={"grace": "0"})
    assert none.status_code == 201 and predicts(hub, new["api_key"]) == 401


def test_a_grace_that_is_none_is_refused(hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    key = made(hub, token)
    for grace in ("8d", "soon", "", "24", -1, "99999999d", "١d"):
        answer = hub.as_user("POST", f"/keys/{key['id']}/rotate", token, json={"grace": grace})
        assert answer.status_code == 400, grace


def test_a_request_that_names_itself_makes_one_key_and_tells_its_text_again(hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    first, again = make(hub, token, once="one"), make(hub, token, once="one")

    assert (first.status_code, again.status_code) == (201, 201) and first.content == again.content
    assert "idempotency-replayed" not in first.headers and again.headers["idempotency-replayed"] == "true"
    assert len(listed(hub, "/keys", token)) == 1 and predicts(hub, again.json()["api_key"]) == 200
    reused = make(hub, token, once="one", name="other")
    assert (reused.status_code, reused.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert make(hub, token_of(hub, Role.OPERATOR), once="one").json()["id"] != first.json()["id"]


def test_a_rotation_that_names_itself_is_made_once(hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    key, other = made(hub, token), made(hub, token)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": '"8e03978e-40d5"'}
    answers = [hub.ask("POST", f"/keys/{key['id']}/rotate", None, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201] and answers[0].content == answers[1].content
    assert predicts(hub, answers[1].json()["api_key"]) == 200
    assert hub.ask("POST", f"/keys/{other['id']}/rotate", None, headers=headers).status_code == 422


def test_an_answer_is_given_again_only_to_who_still_may_have_it(hub: Hub) -> None:
    user, admin = token_of(hub, Role.USER), token_of(hub, Role.ADMIN)
    path = f"/keys/{made(hub, user)['id']}/rotate"
    headers = {"Authorization": f"Bearer {admin}", "Idempotency-Key": "one"}

    def statuses() -> tuple[int, int]:
        rotated = hub.ask("POST", path, None, headers=headers)
        return make(hub, admin, once="one", user="some-user").status_code, rotated.status_code

    assert statuses() == statuses() == (201, 201)
    with database.session() as session:
        users.existing_user(session, "some-admin").role = Role.OPERATOR
    assert statuses() == (403, 404)


def test_no_text_of_a_key_is_stored(hub: Hub) -> None:
    text = make(hub, token_of(hub, Role.USER), once="one").json()["api_key"]
    secret = text.split("_")[3]
    with database.reading() as session:
        tables = (IdempotencyRecord, ApiKey, AuditEntry)
        dump = "".join(row.model_dump_json() for table in tables for row in session.exec(select(table)))
    assert secret not in dump and text not in dump


def test_a_name_that_is_none_is_refused_and_so_are_two(hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    for names in ([""], ["x" * 129], ["é"], ["a\tb"], ["a", "b"]):
        headers = [(b"idempotency-key", name.encode()) for name in names]
        headers.append((b"authorization", f"Bearer {token}".encode()))
        assert hub.run(hub._client.post("/keys", json={"name": "k"}, headers=headers)).status_code == 400, names
    assert listed(hub, "/keys", token) == []


def test_requests_at_once_make_one_key(hub: Hub) -> None:
    token = token_of(hub, Role.USER)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one"}

    async def at_once() -> list[httpx.Response]:
        return await asyncio.gather(*(hub._client.post("/keys", json={"name": "k"}, headers=headers) for _ in range(8)))

    answers: list[httpx.Response] = hub.run(at_once())
    assert {answer.status_code for answer in answers} == {201} and len({answer.content for answer in answers}) == 1
    assert len(listed(hub, "/keys", token)) == 1


def test_a_lowered_role_is_asked_again_in_the_registry(hub: Hub) -> None:
    token = hub.new_user("ada", Role.USER)
    checks: Any = hub.app
    who = identify(token.encode(), checks.immediate._directory)
    with database.session() as session:
        users.set_role(session, users.existing_user(session, "ada"), Role.VIEWER, actor=ACTOR)
    wanted = Wanted("k", None, None, None, None)

    for asked in (
        lambda: held_keys.create(who, wanted, None),
        lambda: held_keys.one_key(who, "x"),
        lambda: held_keys.revoke(who, "x"),
    ):
        with pytest.raises(PlatformError, match="Your role does not permit this"):
            asked()
    with database.reading() as session:
        assert session.exec(select(ApiKey).where(col(ApiKey.name) == "k")).all() == []
