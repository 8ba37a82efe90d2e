"""Who may call what: every route of the whole hub, called as everybody, beside the table that was agreed on.

permissions.csv has a line for each method and route: 401, 403, or `allowed` for any other answer. After a change that
is meant, write it anew and read its diff:

    WRITE_PERMISSIONS=1 python -m pytest tests/services/control/test_permissions.py
"""

import csv
import os
from pathlib import Path

import pytest

from registry import database, sessions, users
from registry.accounts import Role
from registry.clock import now
from registry.settings import settings
from services.middleware.public import PUBLIC, PUBLIC_FOLDERS
from services.security.tokens import AccessTokens
from tests.services.control.walk import FLOWS, Address, Walker, addresses
from tests.services.middleware.conftest import Hub, new_endpoint, new_user

TABLE = Path(__file__).with_name("permissions.csv")
CALLERS = ("nobody", "key", "viewer", "user", "operator", "admin")
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")

# The only addresses that answer to everyone. Adding one is a decision: it has to be written down here as well.
OPEN = {
    *("/", "/livez", "/readyz", "/healthz", "/health", "/ping", "/openapi.json", "/docs", "/docs.json"),
    *("/docs/swagger/x", "/docs/page/x", "/auth/login", "/auth/refresh", "/auth/bootstrap"),
}
OTHER_NAMES = {"/health", "/ping"}  # of /livez: no app has a route for them


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for a walk; limits are tested elsewhere."""
    for name in ("RATE_LIMIT", "USER_RATE_LIMIT"):
        monkeypatch.setenv(f"MODELPORT_{name}", "100000/minute")
    settings.cache_clear()


@pytest.fixture
def walker(roomy: None, hub: Hub) -> Walker:
    """Someone who knows the way, in a hub with a model, a hand-written service and a user of each role."""
    new_endpoint("flows", **FLOWS)
    for role in Role:
        new_user(role.value, role)
    hub.hears()
    return Walker(hub)


def test_everybody_may_call_what_the_table_says(hub: Hub, walker: Walker) -> None:
    found = {address: [_answer(hub, walker, address, who) for who in CALLERS] for address in addresses(hub)}
    lines = [[*address, *found[address]] for address in sorted(found, key=lambda address: (address.route, *address))]
    if os.environ.get("WRITE_PERMISSIONS"):
        with TABLE.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([["method", "route", *CALLERS], *lines])

    with TABLE.open(newline="") as file:
        header, *agreed = csv.reader(file)
    assert header == ["method", "route", *CALLERS]
    assert lines == agreed, "write the table anew if that is meant (how: see above), and read its diff"


def test_only_what_is_listed_answers_without_credentials(hub: Hub, walker: Walker) -> None:
    routes = {address.route for address in addresses(hub)} | {"/api/predict/", "/x", "/auth/", "/docs/"}

    assert {*PUBLIC, *(f"{folder}x" for folder in PUBLIC_FOLDERS), *hub.control.open} == OPEN
    assert hub.control.open.keys() <= hub.control.routes.keys() <= routes and routes >= OPEN - OTHER_NAMES
    for route in sorted(routes - OPEN):
        for method in METHODS:
            assert walker.call(Address(method, route), {}).status_code == 401, f"{method} {route}"


def test_the_table_opens_to_nobody_but_what_is_listed() -> None:
    with TABLE.open(newline="") as file:
        lines = list(csv.DictReader(file))

    assert OPEN - OTHER_NAMES <= {line["route"] for line in lines if line["nobody"] == "allowed"} <= OPEN
    assert {line["nobody"] for line in lines} == {"401", "allowed"}


def _answer(hub: Hub, walker: Walker, address: Address, who: str) -> str:
    status = walker.call(address, _credentials(hub, who)).status_code
    assert status != 429 and status < 500, f"{address} as {who}: {status}"
    return str(status) if status in (401, 403) else "allowed"


def _credentials(hub: Hub, who: str) -> dict[str, str]:
    """The headers of one call; a session of its own for each, as some calls end it."""
    if who == "nobody":
        return {}
    if who == "key":
        return {"X-API-Key": hub.key}
    with database.session() as session:
        user = users.existing_user(session, who)
        opened, _ = sessions.open_session(session, user, "198.18.0.1", "walker", now())
        token = AccessTokens.of_settings().issue(opened.user_id, opened.sid, now().timestamp())
    return {"Authorization": f"Bearer {token}"}
