"""What the tests of every noun ask: who may come in, and a list from its first page to its last."""

from typing import Any

from registry.accounts import Role
from tests.services.middleware.conftest import Hub


def doors(hub: Hub, method: str, path: str, **options: Any) -> dict[str, int]:
    """The status that each role meets there, and who shows nothing, or an API key."""
    statuses = {"nobody": hub.ask(method, path, None, **options).status_code}
    statuses["key"] = hub.ask(method, path, **options).status_code
    for role in Role:
        token = token_of(hub, role)
        statuses[role.value] = hub.as_user(method, path, token, **options).status_code
    return statuses


def token_of(hub: Hub, role: Role) -> str:
    """An access token of a user who bears the role's name."""
    known: dict[Role, str] = hub.__dict__.setdefault("tokens", {})
    if role not in known:
        known[role] = hub.new_user(f"some-{role.value}", role)
    return known[role]


def opened_to(*roles: Role, status: int = 200) -> dict[str, int]:
    """What `doors` tells of an address that is open to these roles alone."""
    return {"nobody": 401, "key": 403} | {role.value: status if role in roles else 403 for role in Role}


def listed(hub: Hub, path: str, token: str, **query: Any) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while not items or cursor is not None:
        params = query | ({"cursor": cursor} if cursor is not None else {})
        answer = hub.as_user("GET", path, token, params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page.keys() == {"items", "next_cursor"}
        items += page["items"]
        cursor = page["next_cursor"]
        if not page["items"]:
            assert cursor is None
            break
    return items


BAD_QUERIES: list[dict[str, Any]] = [
    *({"limit": one} for one in (0, 201, -1, "x", "1e3", "", 10**30)),
    *({"cursor": one} for one in ("", "x", "\x00", "AAAA", "é" * 100, "x" * 2000)),
    *({"sort": one} for one in ("", "password_hash", "--id", "id; DROP TABLE users", "NAME")),
    *({"nonsense": 1}, {"offset": 0}, {"": ""}, {"limit": 5, "Limit": 5}),
]


def refusals(hub: Hub, path: str, token: str, *more: dict[str, Any]) -> None:
    """Whatever a list's query must not hold is a clear 400 in the one body, in one line."""
    for query in [*BAD_QUERIES, *more]:
        answer = hub.as_user("GET", path, token, params=query)
        assert answer.status_code == 400, (query, answer.text)
        error = answer.json()["error"]
        assert error["code"] == "INVALID_INPUT" and "\n" not in error["message"] and len(answer.content) < 2000
