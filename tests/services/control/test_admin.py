"""The platform in numbers, and who changed what: over HTTP as on the command line."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import select

from registry import database, users
from registry.accounts import Role
from registry.audit import Action, AuditEntry
from registry.catalog import EndpointStatus, find_endpoint
from registry.clock import now
from registry.traffic import ApiRequest
from services import audit_trail
from tests.services.control.asking import doors, listed, opened_to, refusals, token_of
from tests.services.middleware.conftest import ACTOR, Hub, new_endpoint, new_key, new_user

HEALTH = ("/health", "/ping", "/livez")
STATS, AUDIT, VERIFY = "/admin/stats", "/admin/audit", "/admin/audit/verify"


def test_who_may_watch_sees_numbers_and_admins_alone_the_trail(hub: Hub) -> None:
    assert doors(hub, "GET", STATS) == opened_to(Role.ADMIN, Role.OPERATOR, Role.VIEWER)
    assert doors(hub, "GET", AUDIT) == doors(hub, "GET", VERIFY) == opened_to(Role.ADMIN)


def stats(hub: Hub) -> dict[str, Any]:
    """The platform in numbers."""
    answer = hub.as_user("GET", STATS, token_of(hub, Role.VIEWER))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_there_are_so_many_users_endpoints_and_keys(hub: Hub) -> None:
    before = stats(hub)
    new_user("ada", Role.OPERATOR)
    new_user("gone")
    with database.session() as session:
        users.set_active(session, users.existing_user(session, "gone"), False, actor=ACTOR)
    new_endpoint("off", status=EndpointStatus.INACTIVE)
    for columns in ({}, {"is_active": False}, {"expires_at": now() - timedelta(days=1)}, {"grace_until": now()}):
        new_key(**columns)
    after = stats(hub)

    assert after["users"] == {"by_role": {"admin": 1, "operator": 1, "user": 1, "viewer": 1}, "disabled": 1}
    assert after["endpoints"] == {"active": 1, "inactive": 1, "error": 0} and after["models"] == 2
    keys, earlier = after["keys"], before["keys"]
    assert (keys["working"] - earlier["working"], keys["ended"] - earlier["ended"]) == (1, 3)


def log(endpoint: str | None, status: int, ago: timedelta, seconds: float = 0.5) -> None:
    """A row of the request log."""
    with database.session() as session:
        asked = find_endpoint(session, endpoint) if endpoint is not None else None
        session.add(
            ApiRequest(
                request_id=f"{status}{ago}{endpoint}{seconds}",
                endpoint_id=asked.id if asked is not None else None,
                method="POST",
                route="/x",
                response_time=seconds,
                status_code=status,
                timestamp=now() - ago,
            )
        )


def test_the_last_day_is_summed_up(hub: Hub) -> None:
    for number in range(12):
        new_endpoint(f"e{number:02}")
        log(f"e{number:02}", 200, timedelta(hours=1))
    log("e07", 200, timedelta(hours=2), 1.5)
    log("e07", 429, timedelta(hours=3))
    log("e07", 500, timedelta(hours=23))
    log("e07", 500, timedelta(hours=25))
    before = stats(hub)
    day = before["last_24_hours"]

    assert len(day["busiest"]) == 10
    assert day["busiest"][0] == {"endpoint": "e07", "requests": 4, "refused": 1, "errors": 1, "mean_seconds": 0.75}
    assert [one["endpoint"] for one in day["busiest"][1:3]] == ["e00", "e01"]
    assert day["requests"] >= 15 and day["errors"] == 1
    assert datetime.fromisoformat(before["log"]["oldest"]) < now() - timedelta(hours=24)


def test_the_trail_is_listed_newest_first_and_filtered(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    hub.as_user("POST", "/admin/users", admin, json={"username": "ada"})
    hub.as_user("PATCH", "/admin/users/ada", admin, json={"role": "viewer"})

    def actions(**query: Any) -> list[str]:
        return [entry["action"] for entry in listed(hub, AUDIT, admin, limit=3, **query)]

    (changed, made) = listed(hub, AUDIT, admin, target="user:ada")
    assert changed.keys() == {"seq", "created_at", "actor", "action", "target", "detail"}
    assert (changed["actor"], changed["detail"]) == ("user:some-admin", {"before": "user", "after": "viewer"})
    assert changed["seq"] == made["seq"] + 1 and made["action"] == Action.USER_CREATED
    assert actions()[:2] == [Action.ROLE_CHANGED, Action.USER_CREATED] and len(set(actions())) > 3
    assert actions(actor="user:some-admin") == [Action.ROLE_CHANGED, Action.USER_CREATED, Action.SESSION_OPENED]
    assert actions(sort="seq") == actions()[::-1]
    assert actions(action=Action.ROLE_CHANGED.value) == [Action.ROLE_CHANGED] and actions(target="user:bob") == []
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert actions(until=tomorrow.isoformat()) == actions() and actions(**{"from": tomorrow.isoformat()}) == []
    assert actions(until="2026-01-01") == []


def test_what_a_query_must_not_hold_is_refused(hub: Hub) -> None:
    odd: list[dict[str, Any]] = [
        {"action": "account:key"},
        {"actor": ""},
        {"target": "\x00"},
        {"from": "soon"},
        {"before": 5},
    ]
    refusals(hub, AUDIT, token_of(hub, Role.ADMIN), *odd)


def test_a_trail_that_nobody_touched_holds(hub: Hub) -> None:
    verdict = hub.as_user("GET", VERIFY, token_of(hub, Role.ADMIN)).json()
    with database.reading() as session:
        last = session.exec(select(AuditEntry)).all()[-1]
    assert verdict == {"holds": True, "entries": last.seq, "head": last.hash, "found": 0, "problems": []}


def test_an_edited_entry_is_named(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    with database.engine().begin() as connection:
        on_postgres = connection.dialect.name == "postgresql"
        trigger = "audit_entries_no_change ON audit_entries" if on_postgres else "audit_entries_no_update"
        connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql("UPDATE audit_entries SET detail = 'not json' WHERE seq = 2")

    verdict = hub.as_user("GET", VERIFY, admin).json()
    assert (verdict["holds"], verdict["found"], verdict["problems"]) == (False, 1, ["entry 2: was edited"])
    (edited,) = [entry for entry in listed(hub, AUDIT, admin) if entry["seq"] == 2]
    assert edited["detail"] == "not json"


def test_a_worker_verifies_for_one_caller_at_a_time(hub: Hub) -> None:
    admin = token_of(hub, Role.ADMIN)
    with audit_trail._verifying:
        refused = hub.as_user("GET", VERIFY, admin)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert hub.as_user("GET", VERIFY, admin).status_code == 200


def test_health_is_open_and_needs_no_registry(hub: Hub) -> None:
    database.dispose()
    with database.engine().begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users RENAME TO elsewhere")

    assert [hub.ask("GET", path, None).status_code for path in HEALTH] == [200, 200, 200]
    assert hub.ask("GET", "/health", None).json().keys() == {"status", "version"}
    assert hub.ask("HEAD", "/health", None).status_code == 200 and hub.ask("POST", "/health", None).status_code == 405
