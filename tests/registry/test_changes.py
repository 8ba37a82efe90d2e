from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from registry import accounts, catalog, changes, database, sessions
from registry.catalog import EndpointStatus
from registry.changes import Change, Follower
from registry.clock import now
from registry.settings import settings
from registry.sidecar.watch import Lookout
from registry.traffic import ApiRequest

MATTERS = {
    "endpoints": {"name", "path", "model_id", "bento", "import_path", "status", "rate_limit"},
    "api_keys": {column.name for column in SQLModel.metadata.tables["api_keys"].columns} - {"id", "last_used"},
    "users": {"role", "is_active"},
    "user_sessions": {"sid", "user_id", "expires_at", "revoked_at"},
    "refresh_tokens": set[str](),
    "models": set[str](),
}
COLUMNS = [
    (table, column.name)
    for table in MATTERS
    for column in SQLModel.metadata.tables[table].columns
    if not column.primary_key
]
SKIP_TO_100_001 = {
    "sqlite": "UPDATE sqlite_sequence SET seq = 100001 WHERE name = 'changes'",
    "postgres": "SELECT setval(pg_get_serial_sequence('changes', 'id'), 100001)",
}
SWITCH_OFF = """
from registry import catalog, database
with database.session() as session:
    endpoint = catalog.find_endpoint(session, "churn")
    catalog.set_status(session, endpoint, catalog.EndpointStatus.INACTIVE, actor="user:ada")
"""
CALL: dict[str, Any] = {"method": "POST", "route": "/x", "status_code": 200, "response_time": 0.01}


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_only_columns_that_matter_to_a_server_are_noted(churn: Any, table: str, column: str) -> None:
    with database.session() as session:
        sessions.open_session(session, session.merge(churn.user), "127.0.0.1", "curl", now())
    before = changes.latest()
    with database.engine().begin() as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET {column} = {column}")
    noted = changes.since(before) or []
    assert [change.table_name for change in noted] == ([table] if column in MATTERS[table] else [])


def test_rows_that_come_and_go_are_noted_in_order(churn: Any) -> None:
    noted = changes.since(0) or []
    assert [change[1:] for change in noted] == [("users", 1), ("endpoints", 1), ("api_keys", 1)]
    with database.session() as session:
        catalog.delete_endpoint(session, churn.endpoint, actor="user:ada")
    gone = changes.since(noted[-1].id) or []
    assert {change[1:] for change in gone} == {("endpoints", 1), ("api_keys", 1)}


def test_traffic_is_no_change(churn: Any) -> None:
    before = changes.latest()
    with database.session() as session:
        session.add(ApiRequest(request_id="r1", endpoint_id=churn.endpoint.id, timestamp=now(), **CALL))
    assert changes.latest() == before


def test_old_changes_are_pruned_and_who_missed_one_reloads(churn: Any, store: str) -> None:
    with database.engine().begin() as connection:
        connection.exec_driver_sql(SKIP_TO_100_001[store])
    with database.session() as session:
        accounts.revoke_key(session, churn.key, actor="user:ada")
    assert changes.since(0) is None
    assert changes.since(1) is None
    assert changes.since(2) == [Change(3, "api_keys", 1), Change(100_002, "api_keys", 1)]


def test_a_cursor_from_the_future_means_another_database(churn: Any) -> None:
    assert changes.since(changes.latest()) == []
    assert changes.since(changes.latest() + 1) is None


def test_a_follower_tells_each_change_once(churn: Any) -> None:
    told: list[list[Change] | None] = []
    follower = Follower(changes.latest(), told.append)
    follower.look()
    assert told == []
    for name, row in (("a", 2), ("b", 3)):
        with database.session() as session:
            accounts.add_key(
                session, key_id=name, key_hash=name, user=churn.user, endpoint=None, name=name, actor="user:ada"
            )
        follower.look()
        follower.look()
        found = told.pop()
        assert told == [] and found is not None and [change.row_id for change in found] == [row]


def test_a_follower_that_fell_behind_says_reload(churn: Any) -> None:
    told: list[list[Change] | None] = []
    follower = Follower(10_000, told.append)
    follower.look()
    assert told == [None]
    with database.session() as session:
        accounts.revoke_key(session, churn.key, actor="user:ada")
    follower.look()
    assert told[1] is not None


def test_what_could_not_be_taken_in_is_told_again(churn: Any) -> None:
    told: list[object] = []

    def fail_once(found: object) -> None:
        told.append(found)
        if len(told) == 1:
            raise OSError("the disk is away")

    follower = Follower(0, fail_once)
    with pytest.raises(OSError, match="away"):
        follower.look()
    follower.look()
    assert told[0] == told[1]


def test_a_lookout_sees_another_process(churn: Any, processes: Callable[[int, str], list[str]]) -> None:
    lookout = Lookout(settings().url, changes.latest())
    assert not lookout.look()
    processes(1, SWITCH_OFF)
    assert lookout.look() and not lookout.look()
    lookout.close()


def test_a_lookout_takes_traffic_for_no_change(churn: Any) -> None:
    lookout = Lookout(settings().url, changes.latest())
    with database.session() as session:
        session.add(ApiRequest(request_id="r1", endpoint_id=churn.endpoint.id, timestamp=now(), **CALL))
    assert not lookout.look()
    lookout.close()


def test_a_lookout_at_rest_leaves_the_file_alone(home: Path) -> None:
    database.upgrade()
    lookout = Lookout(settings().url, changes.latest())
    assert not lookout.look()
    store: Any = lookout._store
    statements: list[str] = []
    store.connection.set_trace_callback(statements.append)
    assert not lookout.look() and statements == []
    lookout.close()


def test_a_lookout_sees_what_happened_while_it_was_blind(churn: Any, store: str, home: Path) -> None:
    lookout = Lookout(settings().url, changes.latest())
    lookout.look()
    with database.session() as session:
        catalog.set_status(session, churn.endpoint, EndpointStatus.INACTIVE, actor="user:ada")
    lookout.close()
    assert lookout.look()
    lookout.close()
