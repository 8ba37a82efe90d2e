"""The exported endpoints over HTTP: listed and shown as the command line does."""

import json
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest

from registry.accounts import Role
from registry.catalog import EndpointStatus
from registry.listing import lines
from services.exports import details, summary
from tests.services.control.asking import doors, listed, opened_to, refusals, token_of
from tests.services.middleware.conftest import Hub, new_endpoint

EXPORTS = "/api/exports"


@pytest.fixture
def token(hub: Hub) -> str:
    """Of somebody who may look."""
    return token_of(hub, Role.VIEWER)


def names(hub: Hub, token: str, **query: Any) -> list[str]:
    """The names of the endpoints that are listed."""
    return [one["endpoint"] for one in listed(hub, EXPORTS, token, **query)]


def test_every_role_may_look_and_nobody_else(hub: Hub) -> None:
    assert doors(hub, "GET", EXPORTS) == opened_to(*Role)
    assert doors(hub, "GET", f"{EXPORTS}/echo") == opened_to(*Role)


def test_a_row_is_that_of_the_command_line(hub: Hub, token: str) -> None:
    endpoint = new_endpoint("churn", last_used_at=datetime(2026, 11, 22, tzinfo=UTC), total_requests=5_000_000_000)
    row = next(one for one in listed(hub, EXPORTS, token) if one["endpoint"] == "churn")
    line = next(one for one in lines() if one.endpoint == "churn")

    assert line._asdict() == summary(endpoint)
    assert row == {
        "id": endpoint.id,
        **{name: plain(value) for name, value in summary(endpoint).items()},
    }


def plain(value: Any) -> Any:
    """A value as it stands in an answer."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def test_an_endpoint_is_shown_in_full_by_name_and_by_id(hub: Hub, token: str) -> None:
    endpoint = new_endpoint("churn", rate_limit="5/minute", status=EndpointStatus.ERROR, status_reason="gone")
    shown = hub.as_user("GET", f"{EXPORTS}/churn", token).json()

    assert shown == {name: plain(value) for name, value in details(endpoint).items()}
    assert (shown["rate_limit"], shown["status"], shown["status_reason"]) == ("5/minute", "error", "gone")
    assert shown["path"] == "/api/predict/churn" and shown["url"] == f"http://127.0.0.1:3000{shown['path']}"
    assert shown == hub.as_user("GET", f"{EXPORTS}/{endpoint.id}", token).json()


def test_the_line_to_paste_is_safe_in_a_shell(hub: Hub, token: str) -> None:
    signature = {"example": {"it's": "$(rm -rf /) `x`"}}
    new_endpoint("odd", signature=signature)
    curl = hub.as_user("GET", f"{EXPORTS}/odd", token).json()["curl"]

    words = shlex.split(curl)
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:3000/api/predict/odd"]
    assert json.loads(words[-1]) == {"instances": [signature["example"]]} and "X-API-Key: $KEY" in words


def test_a_list_is_filtered_and_sorted(hub: Hub, token: str) -> None:
    for number, name in enumerate(("zebra", "apple", "apple-pie")):
        new_endpoint(name, total_requests=number, last_used_at=datetime(2026, 11, number + 1, tzinfo=UTC))
    new_endpoint("off", status=EndpointStatus.INACTIVE)

    assert names(hub, token) == ["apple", "apple-pie", "echo", "off", "zebra"]
    assert names(hub, token, sort="-name", limit=2) == ["zebra", "off", "echo", "apple-pie", "apple"]
    assert names(hub, token, sort="-last_used_at", limit=1)[:3] == ["apple-pie", "apple", "zebra"]
    assert names(hub, token, sort="-total_requests", limit=1)[:2] == ["apple-pie", "apple"]
    assert names(hub, token, sort="created_at") == ["echo", "zebra", "apple", "apple-pie", "off"]
    assert names(hub, token, name="apple") == ["apple", "apple-pie"] and names(hub, token, name="%") == []
    assert names(hub, token, status="inactive") == ["off"] and names(hub, token, name="APPLE") == []
    assert len(names(hub, token, framework="sklearn")) == 5 and names(hub, token, framework="keras") == []


def test_what_a_query_must_not_hold_is_refused(hub: Hub, token: str) -> None:
    refusals(hub, EXPORTS, token, {"status": "dead"}, {"name": ""}, {"name": "\x00"}, {"framework": "x" * 257})


@pytest.mark.parametrize("name", ["nothing", "0", "9" * 30, "%27%20OR%201=1", "%C3%A9", "-1"])
def test_what_is_not_there_is_not_found(hub: Hub, token: str, name: str) -> None:
    assert hub.as_user("GET", f"{EXPORTS}/{name}", token).status_code == 404
    assert hub.as_user("GET", f"{EXPORTS}/{'x' * 65}", token).status_code == 400
