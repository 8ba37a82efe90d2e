"""The control plane's routes are described, counted and logged like all others, and none is missed."""

import re
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI

from services.control import described
from tests.services.documentation.test_openapi import references
from tests.services.middleware.conftest import Hub
from tests.services.middleware.test_metrics import requests

EXPECTED = {
    ("post", "/auth/login"): {200, 401, 415},
    ("post", "/auth/refresh"): {200, 401, 415},
    ("post", "/auth/bootstrap"): {201, 401, 409, 415},
    ("post", "/auth/logout"): {204, 401, 403},
    ("post", "/auth/logout-all"): {200, 401, 403},
    ("get", "/auth/me"): {200, 401, 403},
    ("post", "/auth/validate"): {200, 401, 403},
    ("post", "/auth/password"): {204, 401, 403, 409, 415},
    ("get", "/auth/sessions"): {200, 401, 403},
    ("delete", "/auth/sessions/{sid}"): {204, 401, 403, 404},
}
ANYWHERE = {400, 405, 413, 429, 500, 503}


def document(hub: Hub) -> Any:
    """What the hub says of itself."""
    return hub.ask("GET", "/openapi.json", None).json()


def test_every_route_is_in_the_one_document_with_its_failures(hub: Hub) -> None:
    made = document(hub)
    operations = {
        (method, path): operation
        for path, item in made["paths"].items()
        if path.startswith("/auth/")
        for method, operation in item.items()
    }

    assert OpenAPI.model_validate(made) and "/api/predict/echo" in made["paths"]
    answers = {place: set(map(int, one["responses"])) for place, one in operations.items()}
    assert answers == {place: statuses | ANYWHERE for place, statuses in EXPECTED.items()}
    assert {path for _, path in EXPECTED} == {path for path in hub.control.routes if path.startswith("/auth/")}
    ids = [operation["operationId"] for item in made["paths"].values() for operation in item.values()]
    assert len(set(ids)) == len(ids)


def test_every_operation_is_described_alike(hub: Hub) -> None:
    paths = document(hub)["paths"]
    for path in hub.control.routes:
        for method, operation in paths[path].items():
            statuses = set(map(int, operation["responses"]))
            named = ANYWHERE if path in hub.control.open else ANYWHERE | {401, 403}
            assert named <= statuses and operation["summary"] and operation["description"], (method, path)
            for parameter in operation.get("parameters", ()):
                assert bounded(parameter["schema"]) and parameter["description"], (method, path, parameter["name"])


def bounded(schema: Any) -> bool:
    """Whether a parameter's values are limited in length, in size or to a list."""
    choices = schema.get("anyOf", [schema])
    names = ("maxLength", "maximum", "enum", "const", "$ref", "format")
    return all(one.get("type") in ("null", "boolean") or any(name in one for name in names) for one in choices)


def test_every_reference_leads_somewhere_and_every_body_has_examples(hub: Hub) -> None:
    made = document(hub)
    for reference in references(made):
        place = made
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    for name in ("Credentials", "Refresh", "PasswordChange", "FirstAdmin"):
        schema = made["components"]["schemas"][name]
        assert schema["additionalProperties"] is False
        assert all(field["examples"] and field["maxLength"] for field in schema["properties"].values())
    assert "ValidationError" not in str(made)


def test_the_document_says_who_needs_a_token(hub: Hub) -> None:
    for path, item in document(hub)["paths"].items():
        if path.startswith("/auth/"):
            (operation,) = item.values()
            assert operation["security"] == ([] if path in hub.control.open else [{"Bearer": []}]), path


def test_a_walk_that_misses_routes_fails(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    app: Any = hub.control.app
    assert described.templates(app) == hub.control.routes
    monkeypatch.setattr(described, "iter_route_contexts", lambda routes: iter(()))
    with pytest.raises(RuntimeError, match="misses"):
        described.described(app)


def test_calls_are_counted_and_logged_under_their_route(hub: Hub) -> None:
    token = hub.new_user("ada")
    before = requests(hub)
    hub.as_user("DELETE", "/auth/sessions/one", token)
    hub.as_user("DELETE", "/auth/sessions/two", token)
    hub.ask("POST", "/auth/login", None, json={"username": "ada", "password": "hunter2"})
    hub.ask("GET", "/auth/me", None)

    new = requests(hub) - before
    assert new == {
        ("/auth/sessions/{sid}", "404"): 2,
        ("/auth/login", "401"): 1,
        ("/auth/me", "401"): 1,
        ("/metrics", "200"): 1,
    }
    hub.eventually(lambda: len(hub.log()) >= 5)
    rows = [(row.method, row.route, row.status_code, row.api_key_id) for row in hub.log()]
    assert rows[-4:] == [
        ("DELETE", "/auth/sessions/{sid}", 404, None),
        ("DELETE", "/auth/sessions/{sid}", 404, None),
        ("POST", "/auth/login", 401, None),
        ("GET", "/auth/me", 401, None),
    ]


def test_no_secret_stands_in_log_or_metrics(hub: Hub) -> None:
    token = hub.new_user("ada")
    refresh_token = hub.sign_in("ada")["refresh_token"]
    hub.ask("POST", "/auth/refresh", None, json={"refresh_token": refresh_token})
    hub.as_user("GET", "/auth/me", token)
    hub.eventually(lambda: len(hub.log()) >= 4)

    told = hub.ask("GET", "/metrics").text + "".join(row.model_dump_json() for row in hub.log())
    assert not re.search("horse|mpr_|eyJ", told) and refresh_token not in told
