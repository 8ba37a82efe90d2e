"""Signed-in people call predict routes too, as far as their role goes, each with a limit of their own."""

import json
from time import time

import jwt
import pytest

from registry import database, users
from registry.accounts import Role
from registry.catalog import EndpointStatus
from registry.settings import settings
from services.limits.addresses import SLOTS, AddressSlots
from tests.services.middleware.conftest import ACTOR, Hub

ECHO = "/api/predict/echo"


@pytest.mark.parametrize(
    ("role", "predicts", "metrics"),
    [(Role.ADMIN, 200, 200), (Role.OPERATOR, 200, 200), (Role.USER, 200, 403), (Role.VIEWER, 403, 200)],
)
def test_a_role_says_what_its_people_may_call(hub: Hub, role: Role, predicts: int, metrics: int) -> None:
    token = hub.new_user("ada", role)
    number = hub.new_endpoint("other").id

    for path in (ECHO, "/api/predict/other", f"/api/predict/{number}"):
        assert hub.as_user("POST", path, token, json={"x": 1}).status_code == predicts
    assert hub.as_user("GET", "/metrics", token).status_code == metrics


def test_a_call_of_a_user_is_logged_without_a_key(hub: Hub) -> None:
    token = hub.new_user("ada")
    answer = hub.as_user("POST", ECHO, token, json={"x": 1})
    hub.eventually(lambda: answer.headers["x-request-id"] in [row.request_id for row in hub.log()])

    row = hub.log()[-1]
    assert (row.route, row.status_code, row.api_key_id) == (ECHO, 200, None) and row.endpoint_id is not None


def test_an_inactive_endpoint_and_an_unknown_one_are_refused_to_users_as_to_keys(hub: Hub) -> None:
    token = hub.new_user("ada")
    hub.set_status("echo", EndpointStatus.INACTIVE)

    assert hub.as_user("POST", ECHO, token).status_code == 403
    assert hub.as_user("POST", "/api/predict/nobody", token).status_code == 404


def test_what_is_no_valid_token_is_401_on_a_predict_route(hub: Hub) -> None:
    token = hub.new_user("ada")
    head, payload, signature = token.split(".")
    (key,) = settings().jwt_ring().values()
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)

    def signed(**changes: object) -> str:
        return jwt.encode({**claims, **changes}, key, "HS256", header)

    assert hub.as_user("POST", ECHO, signed()).status_code == 200, "the sample's own making is sound"
    unsigned = jwt.encode(claims, "", "none", {"typ": "at+jwt"})
    forged = [
        *(unsigned, f"{head}.{payload}.", f"{head}.{payload}.{signature[::-1]}", f"{payload}.{head}.{signature}"),
        *(
            jwt.encode(claims, "x" * 32, "HS256", header),
            jwt.encode(claims, "x" * 64, "HS512", {**header, "alg": "HS512"}),
        ),
        *(signed(exp=int(time()) - 60, iat=int(time()) - 960), signed(iss="other"), signed(aud="modelport:test")),
        *(signed(sub="999999"), signed(sid="x" * 22, iat=int(time()) - 60), signed(nbf=int(time()) + 60)),
        *(signed(exp=claims["exp"] + 86_400), jwt.encode(claims, key, "HS256", {"typ": "at+jwt"})),
        *("a.b.c", "..", "x" * 5000, "null", json.dumps(claims).replace(" ", "")),
    ]
    for number, token in enumerate(forged):
        answer = hub.as_user("POST", ECHO, token, json={"x": 1})
        assert answer.status_code == 401, number
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert answer.json()["error"]["message"] == "This bearer token is not valid."


def test_a_token_in_a_keys_place_is_a_wrong_key(hub: Hub) -> None:
    assert hub.predict(hub.new_user("ada")).status_code == 401


def test_a_lowered_role_and_a_disabled_user_are_heard_of(hub: Hub) -> None:
    token = hub.new_user("ada", Role.OPERATOR)

    def change(*what: object) -> int:
        with database.session() as session:
            ada = users.existing_user(session, "ada")
            if isinstance(what[0], Role):
                users.set_role(session, ada, what[0], actor=ACTOR)
            else:
                users.set_active(session, ada, bool(what[0]), actor=ACTOR)
        hub.hears()
        return hub.as_user("POST", ECHO, token, json={"x": 1}).status_code

    assert change(Role.VIEWER) == 403
    assert change(Role.USER) == 200
    assert change(False) == 401
    assert change(True) == 401, "being disabled ended the session"


def test_each_user_has_a_limit_whatever_they_call(hub: Hub) -> None:
    ada, bob = hub.new_user("ada"), hub.new_user("bob")
    answers = [hub.as_user("POST", ECHO, ada, json={"x": 1}) for _ in range(50)]
    answers += [hub.as_user("POST", "/auth/validate", ada) for _ in range(51)]

    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert answers[99].headers["x-ratelimit-remaining"] == "0" and int(answers[100].headers["retry-after"]) >= 50
    assert answers[100].json()["error"]["details"]["limit"] == "100/minute"
    assert hub.as_user("POST", ECHO, bob, json={"x": 1}).status_code == hub.predict().status_code == 200


def test_an_endpoints_own_limit_holds_for_users_too(hub: Hub) -> None:
    hub.set_limit("echo", "2/hour")
    ada, bob = hub.new_user("ada"), hub.new_user("bob")

    def calls(token: str) -> list[int]:
        return [hub.as_user("POST", ECHO, token, json={"x": 1}).status_code for _ in range(3)]

    assert calls(ada) == calls(bob) == [200, 200, 429]
    assert hub.as_user("POST", "/auth/validate", ada).status_code == 200


def test_an_address_may_try_to_sign_in_ten_times_a_minute(hub: Hub) -> None:
    paths = ["/auth/login", "/auth/refresh", "/auth/bootstrap", "/auth/login"] * 3
    answers = [hub.ask("POST", path, None, json={}) for path in paths[:11]]

    assert [answer.status_code for answer in answers] == [400] * 10 + [429]
    refused = answers[-1]
    assert (
        refused.headers["ratelimit-policy"] == '"default";q=10;w=60' and 50 <= int(refused.headers["retry-after"]) <= 60
    )
    assert refused.headers["cache-control"] == "no-store"
    assert hub.predict().status_code == 200, "a key is not held up by where it comes from"


def test_addresses_are_spread_over_slots_that_nobody_can_foretell() -> None:
    slot, other = AddressSlots(b"k" * 32), AddressSlots(b"x" * 32)
    addresses = [f"192.0.2.{number}" for number in range(256)]

    assert all(0 <= slot(address) < SLOTS for address in [*addresses, "", "unknown", "x" * 1000])
    assert len({slot(address) for address in addresses}) > 240
    assert [slot(address) for address in addresses] != [other(address) for address in addresses]
    assert slot("2001:db8::1") == slot("2001:db8::ffff:2") != slot("2001:db8:0:1::1")
    assert slot("::ffff:192.0.2.1") == slot("192.0.2.1")
