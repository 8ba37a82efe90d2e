"""What is no request is refused: by every route, in one body, and nothing is changed, not even the audit's head."""

import json
from collections.abc import Container, Iterator
from typing import Any

import pytest

from registry import database
from registry.accounts import Role
from registry.settings import settings
from tests.services.control.walk import Address, described
from tests.services.middleware.conftest import Hub

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
LONG = "x" * 64_000
# Kelvin sign, combining, right-to-left, zero width, dotless i: look like other names, or like nothing. (Fullwidth letters
# are another way to type the same name: NFKC.)
NAMES = [
    "\u212aelvin",
    "a\u0301da",
    "\u202eada",
    "ad\u200ba",
    "ad\u0131",
    "ada\0",
    "ada\n",
    " ",
    "🦔",
]
TEXTS = [
    *("", "\0", "a\0b", "'; DROP TABLE users; --", "' OR '1'='1", "<script>alert(1)</script>", "../../etc/passwd"),
    *("{{7*7}}", "%s%n", "\ud800", LONG, *NAMES),
]
VALUES: list[Any] = [None, True, -1, 10**400, 1.5, [], {}, [[]], *TEXTS]
BODIES = [
    *(b"", b"{", b"[]", b"null", b"1", b'"text"', b'{"a": NaN}', b"\xff\xfe", b"\0", b"[" * 5_000),
    *(b'{"a": 1, "a": 2}', b"{}{}", "﻿{}".encode(), b'{"username": "\xc3\x28"}', b'{"a":' * 2_000),
]


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits are tested elsewhere."""
    monkeypatch.setenv("MODELPORT_USER_RATE_LIMIT", "1000000/minute")
    settings.cache_clear()


@pytest.fixture
def token(roomy: None, hub: Hub) -> str:
    """An admin's access token: whatever is refused is refused for what it is."""
    return hub.new_user("root", Role.ADMIN)


def head() -> tuple[Any, ...]:
    """Where the audit stands, and how many rows each table that people fill has."""
    counted = ("users", "api_keys", "endpoints", "models", "user_sessions")
    with database.engine().connect() as connection:
        newest = connection.exec_driver_sql("SELECT * FROM audit_head").all()
        counts = (connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() for name in counted)
        return (*newest, *counts)


def refused(
    hub: Hub, address: Address, path: str, token: str, expected: Container[int] = range(400, 500), **options: Any
) -> None:
    """Make a call, which must get a 4xx with the one body; 400 where it can only be the form that is wrong."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = hub.ask(address.method, path, None, headers=headers, **options)
    told = f"{address.method} {path[:80]} {str(options)[:120]}: {answer.status_code} {answer.text[:200]}"
    assert answer.status_code in expected, told
    assert answer.json().keys() == {"error", "request_id"}, told
    assert answer.json()["error"].keys() == {"code", "message", "details"}, told
    assert not any(word in answer.text for word in ("Traceback", "sqlite", "psycopg", "SELECT ", "pydantic")), told


def taking_json(hub: Hub) -> Iterator[tuple[Address, dict[str, Any]]]:
    """The routes of the control plane that read JSON, each with the schema of its body."""
    for address, operation in described(hub).items():
        content = operation.get("requestBody", {}).get("content", {})
        if address.route in hub.control.routes and "application/json" in content:
            yield address, content["application/json"]["schema"]


def concrete(address: Address) -> str:
    """Its path, with somebody's name in it who isn't there."""
    return "/".join("999999" if part.startswith("{") else part for part in address.route.split("/"))


def test_what_is_no_json_object_is_refused_everywhere(hub: Hub, token: str) -> None:
    before, routes = head(), list(taking_json(hub))
    assert len(routes) >= 4
    for address, _ in routes:
        may_be_left_out = not described(hub)[address]["requestBody"].get("required")
        for body in BODIES:
            says_nothing = body in (b"", "\ufeff{}".encode())
            expected = {400, 404} if says_nothing and may_be_left_out else {400}
            refused(hub, address, concrete(address), token, expected, content=body)
    assert head() == before


def test_a_field_of_a_wrong_kind_is_refused_everywhere(hub: Hub, token: str) -> None:
    """Whatever one field holds while the others are their schema's examples; with right values it would be taken."""
    before = head()
    for address, schema in taking_json(hub):
        good = {name: (part.get("examples") or ["x"])[0] for name, part in schema["properties"].items()}
        for name, part in schema["properties"].items():
            for value in VALUES:
                if not _may_hold(part, value):
                    content = json.dumps({**good, name: value}).encode()
                    meaning = isinstance(value, str) and _least(part) <= len(value) < len(LONG)  # what it says counts
                    refused(
                        hub, address, concrete(address), token, range(400, 500) if meaning else {400}, content=content
                    )
        refused(hub, address, concrete(address), token, {400}, content=json.dumps({**good, LONG: 1}).encode())
    assert head() == before


def _may_hold(part: dict[str, Any], value: Any) -> bool:
    """Whether a field could rightly hold that; text of a sane length could, where its meaning is not looked at."""
    kinds = {option.get("type") for option in [part, *part.get("anyOf", ())]}
    if value is None or isinstance(value, bool | list | dict | float):
        named = {type(None): "null", bool: "boolean", list: "array", dict: "object", float: "number"}
        return named[type(value)] in kinds
    return "integer" in kinds or "number" in kinds if isinstance(value, int) else False


def _least(part: dict[str, Any]) -> int:
    """How long a text must at least be."""
    return min(
        (option.get("minLength", 0) for option in [part, *part.get("anyOf", ())] if option.get("type") == "string"),
        default=1,
    )


def test_odd_paths_and_filters_are_refused_or_find_nothing(hub: Hub, token: str) -> None:
    before = head()
    odd = [
        "0",
        "-1",
        "9" * 400,
        "%00",
        "a%00b",
        "%27%20OR%201=1--",
        "%F0%9F%A6%94",
        "%ff",
        "..%2f..",
        "x" * 9_000,
        "%E2%80%AE",
    ]
    for address, operation in described(hub).items():
        if address.route not in hub.control.routes:
            continue
        if "{" in address.route:
            for text in odd:
                path = "/".join(text if part.startswith("{") else part for part in address.route.split("/"))
                refused(hub, address, path, token, content=b"{}" if address.method in CHANGES else b"")
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query":
                _asked_oddly(hub, address, parameter, token)
    assert head() == before


def _asked_oddly(hub: Hub, address: Address, parameter: dict[str, Any], token: str) -> None:
    """A filter may find nothing; a cursor or number that is none is refused. Never a 5xx."""
    for value in (*TEXTS[:-10], "-1", "9" * 400, "%00"):
        sent = value.encode("utf-8", "replace")
        answer = hub.as_user(address.method, concrete(address), token, params={parameter["name"]: sent.decode()})
        told = f"{address} {parameter['name']}={value[:40]!r}: {answer.status_code}"
        assert answer.status_code < 500 and answer.headers["content-type"] == "application/json", told


def test_names_that_look_like_others_make_no_user_and_no_session(hub: Hub, token: str) -> None:
    hub.new_user("ada")
    before = head()
    for name in [*NAMES, *TEXTS]:
        content = json.dumps({"username": name, "password": "correct horse battery"}).encode()
        refused(hub, Address("POST", "/auth/login"), "/auth/login", token, content=content)
    assert head() == before
