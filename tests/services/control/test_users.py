"""Users over HTTP: admins make, find, change and remove them, and can't shut themselves out."""

from typing import Any

import httpx
from sqlmodel import col, select

from registry import database, users
from registry.accounts import ApiKey, Role
from registry.audit import AuditEntry
from tests.services.control.asking import doors, listed, opened_to, refusals, token_of
from tests.services.middleware.conftest import PASSWORD, Hub, new_user

USERS = "/admin/users"
ANOTHER = "staple correct horse"


def change(hub: Hub, token: str, name: str | int, **wanted: Any) -> httpx.Response:
    """Ask for a change of a user."""
    return hub.as_user("PATCH", f"{USERS}/{name}", token, json=wanted)


def create(hub: Hub, token: str, **wanted: Any) -> httpx.Response:
    """Ask for a user."""
    return hub.as_user("POST", USERS, token, json=wanted)


def actions(target: str) -> list[tuple[str, str]]:
    """Who did what to that, in order."""
    with database.reading() as session:
        found = session.exec(select(AuditEntry).where(AuditEntry.target == target).order_by(col(AuditEntry.seq)))
        return [(entry.actor, entry.action.split(":", 1)[1]) for entry in found]


def test_admins_come_in_and_nobody_else(hub: Hub) -> None:
    assert doors(hub, "GET", USERS) == opened_to(Role.ADMIN)
    for method, path, body in (
        ("POST", USERS, {"username": "?"}),
        ("PATCH", f"{USERS}/nobody", {"role": "user"}),
        ("GET", f"{USERS}/nobody", None),
        ("DELETE", f"{USERS}/nobody", None),
    ):
        options = {"json": body} if body is not None else {}
        assert doors(hub, method, path, **options) == opened_to(Role.ADMIN, status=400 if method == "POST" else 404)


def test_a_user_is_made_and_signs_in(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    answer = create(hub, admin, username="Ada", role="operator", email="Ada@Example.org", password=PASSWORD)
    made = answer.json()

    assert answer.status_code == 201 and made.pop("id") > 0 and made.pop("created_at")
    assert made == {
        "username": "ada",
        "email": "ada@example.org",
        "role": "operator",
        "active": True,
        "has_password": True,
        "last_login": None,
        "prediction_count": 0,
    }
    hub.hears()
    hub.sign_in("ada")
    assert hub.as_user("GET", f"{USERS}/ada", admin).json()["last_login"] is not None
    assert actions("user:ada") == [("user:some-admin", "user:created")]
    with database.reading() as session:
        stored = users.existing_user(session, "ada").password_hash or ""
    assert stored.startswith("$argon2id$") and PASSWORD not in answer.text and stored not in answer.text


def test_a_user_without_a_password_can_be_given_one(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    assert create(hub, admin, username="ada").json()["has_password"] is False
    assert change(hub, admin, "ada", password=PASSWORD).json()["has_password"] is True
    hub.sign_in("ada")


BAD: list[dict[str, Any]] = [
    *({"username": one} for one in ("", "a b", "12", "x" * 257, 1, None, "é")),
    *({"role": one} for one in ("root", "", 1, None, ["admin"])),
    *({"email": one} for one in ("", "ada", "a@b", "x" * 250 + "@a.de", 1)),
    *({"password": one} for one in ("", "short", "password123", "x" * 1025, 12345678)),
    *({"is_active": True}, {"id": 1}, {"prediction_count": 5}),
]


def test_what_no_user_can_be_is_refused_and_repeats_no_password(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    for wanted in BAD:
        answer = create(hub, admin, **({"username": "ada"} | wanted))
        assert answer.status_code == 400, wanted
        assert "\n" not in answer.json()["error"]["message"] and "password123" not in answer.text
    assert create(hub, admin).status_code == 400
    assert [user["username"] for user in listed(hub, USERS, admin, username="ada")] == []


def test_a_name_or_an_address_that_is_taken_is_a_conflict(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    create(hub, admin, username="ada", email="ada@example.org")
    taken = [
        *({"username": "ADA"}, {"username": "local"}),
        {"username": "bob", "email": "ADA@example.org"},
    ]
    assert [create(hub, admin, **one).status_code for one in taken] == [409] * 3


def test_users_are_listed_filtered_and_sorted(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    for name, count in (("carl", 5), ("ada", 7), ("adam", 0)):
        new_user(name)
        with database.session() as session:
            users.existing_user(session, name).prediction_count = count
    change(hub, admin, "carl", active=False)
    change(hub, admin, "adam", role="viewer")

    def names(**query: Any) -> list[str]:
        return [user["username"] for user in listed(hub, USERS, admin, limit=2, **query)]

    assert names() == ["ada", "adam", "carl", "local", "some-admin"]
    assert names(sort="-prediction_count")[:2] == ["ada", "carl"] and names(sort="-last_login")[0] == "some-admin"
    assert names(username="ada") == ["ada", "adam"] and names(role="viewer") == ["adam"]
    assert names(active="false") == ["carl"] and "carl" not in names(active="true")
    refusals(hub, USERS, admin, {"role": "root"}, {"active": "maybe"}, {"username": ""}, {"sort": "email"})


def test_a_user_is_found_by_id_and_by_name(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    made = create(hub, admin, username="ada").json()

    for name in (made["id"], "ada", "ADA"):
        assert hub.as_user("GET", f"{USERS}/{name}", admin).json() == made
    for name in ("0", "9" * 30, "nobody", "%27%20OR%201=1", "-1"):
        assert hub.as_user("GET", f"{USERS}/{name}", admin).status_code == 404
    assert hub.as_user("GET", f"{USERS}/{'x' * 65}", admin).status_code == 400


def test_a_user_is_changed_all_at_once_or_not_at_all(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    create(hub, admin, username="bob", email="bob@example.org")
    create(hub, admin, username="ada", email="ada@example.org")
    changed = change(hub, admin, "ada", role="operator", email=None, active=False).json()

    assert (changed["role"], changed["email"], changed["active"]) == ("operator", None, False)
    done = [action for _, action in actions("user:ada")]
    assert done == ["user:created", "role:changed", "email:changed", "user:disabled"]
    assert change(hub, admin, "ada", role="admin", email="bob@example.org").status_code == 409
    assert hub.as_user("GET", f"{USERS}/ada", admin).json() == changed


def test_what_is_no_change_is_refused(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    new_user("ada")
    wanted: list[dict[str, Any]] = [
        *({}, {"role": None}, {"active": None}, {"password": None}, {"active": "no"}, {"username": "eve"}),
        *({"password": "ada"}, {"email": "x"}, {"role": "root"}),
    ]
    for one in wanted:
        assert change(hub, admin, "ada", **one).status_code == 400, one
    assert len(actions("user:ada")) == 1


def test_another_password_ends_the_sessions_and_so_does_disabling(hub: Hub) -> None:
    admin, ada, bob = token_of(hub, Role.ADMIN), hub.new_user("ada"), hub.new_user("bob")

    assert change(hub, admin, "ada", password=ANOTHER).status_code == 200
    assert change(hub, admin, "bob", active=False).status_code == 200
    hub.hears()
    assert [hub.as_user("GET", "/auth/me", token).status_code for token in (ada, bob)] == [401, 401]
    answer = hub.ask("POST", "/auth/login", None, json={"username": "ada", "password": ANOTHER})
    assert answer.status_code == 200


def test_a_removed_user_takes_keys_and_sessions_along(hub: Hub) -> None:
    admin, ada = token_of(hub, Role.ADMIN), hub.new_user("ada")
    hub.as_user("POST", "/keys", ada, json={"name": "hers"})

    assert hub.as_user("DELETE", f"{USERS}/ada", admin).status_code == 204
    hub.hears()
    assert hub.as_user("GET", "/auth/me", ada).status_code == 401
    assert hub.as_user("DELETE", f"{USERS}/ada", admin).status_code == 404
    with database.reading() as session:
        assert session.exec(select(ApiKey).where(ApiKey.name == "hers")).all() == []
    assert actions("user:ada")[-1] == ("user:some-admin", "user:deleted")


def test_admins_cannot_shut_themselves_out(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    hub.new_user("other", Role.ADMIN)
    refused = [
        *(change(hub, admin, "some-admin", role="user"), change(hub, admin, "some-admin", active=False)),
        change(hub, admin, "some-admin", password=ANOTHER),
        hub.as_user("DELETE", f"{USERS}/some-admin", admin),
    ]

    assert [answer.status_code for answer in refused] == [409] * 4
    assert change(hub, admin, "some-admin", role="admin", active=True, email="me@example.org").status_code == 200
    assert hub.as_user("GET", "/auth/me", admin).json()["email"] == "me@example.org"


def test_one_admin_who_can_sign_in_is_always_left(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    with database.session() as session:  # an admin who came in before their password was taken away
        users.existing_user(session, "some-admin").password_hash = None
    new_user("last", Role.ADMIN)
    refused = [
        *(change(hub, admin, "last", role="user"), change(hub, admin, "last", active=False)),
        hub.as_user("DELETE", f"{USERS}/last", admin),
    ]
    assert [answer.status_code for answer in refused] == [409] * 3


def test_the_command_lines_user_is_no_ones_to_change(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    refused = [
        *(change(hub, admin, "local", role="user"), change(hub, admin, "local", active=False)),
        *(change(hub, admin, "local", password=ANOTHER), hub.as_user("DELETE", f"{USERS}/local", admin)),
    ]
    assert [answer.status_code for answer in refused] == [409] * 4
