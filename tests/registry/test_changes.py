import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from registry import accounts, catalog, changes, database, traffic
from registry.catalog import EndpointStatus
from registry.changes import Change, Watcher
from registry.clock import now

MATTERS = {
    "endpoints": {"name", "path", "model_id", "bento", "import_path", "status", "rate_limit"},
    "api_keys": {column.name for column in SQLModel.metadata.tables["api_keys"].columns} - {"id", "last_used"},
    "users": {"role", "is_active"},
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

News = queue.SimpleQueue[list[Change] | None]


@pytest.fixture
def news(churn: Any) -> Iterator[News]:
    """What a watcher tells, from now on."""
    told: News = queue.SimpleQueue()
    watcher = Watcher(changes.latest(), told.put)
    watcher.start()
    yield told
    watcher.stop()
    assert not watcher.is_alive()


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_only_columns_that_matter_to_a_server_are_noted(churn: Any, table: str, column: str) -> None:
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
        row = traffic.RequestRow("r1", churn.endpoint.id, churn.key.id, "POST", "/x", 200, 0.01, now())
        traffic.record(session, [row])
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


def test_a_watcher_hears_of_another_process(news: News, processes: Callable[[int, str], list[str]]) -> None:
    processes(1, SWITCH_OFF)
    start = time.monotonic()
    told = news.get(timeout=2)
    assert time.monotonic() - start < 2
    assert told is not None and [change[1:] for change in told] == [("endpoints", 1)]


def test_a_watcher_tells_each_change_once(news: News, churn: Any) -> None:
    for name, row in (("a", 2), ("b", 3)):
        with database.session() as session:
            accounts.add_key(
                session, key_id=name, key_hash=name, user=churn.user, endpoint=None, name=name, actor="user:ada"
            )
        told = news.get(timeout=3)
        assert told is not None and [change.row_id for change in told] == [row]
    time.sleep(0.3)
    assert news.empty()


def test_a_watcher_at_rest_leaves_the_database_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database.upgrade()
    reads: list[int] = []

    def count(cursor: int) -> list[Change]:
        reads.append(cursor)
        return []

    monkeypatch.setattr(changes, "since", count)
    watcher = Watcher(changes.latest(), lambda changes: None)
    watcher.start()
    time.sleep(0.5)
    watcher.stop()
    assert len(reads) == 1


def test_a_watcher_that_fell_behind_says_reload(churn: Any) -> None:
    told: News = queue.SimpleQueue()
    watcher = Watcher(10_000, told.put)
    watcher.start()
    assert told.get(timeout=3) is None
    with database.session() as session:
        accounts.revoke_key(session, churn.key, actor="user:ada")
    assert told.get(timeout=3) is not None
    watcher.stop()


def test_a_watcher_outlives_an_outage_and_complains_once(
    churn: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(changes, "POSTGRES_POLL_SECONDS", 0.05)
    told: News = queue.SimpleQueue()
    real = changes.since
    monkeypatch.setattr(changes, "since", _fail)
    watcher = Watcher(changes.latest(), told.put)
    watcher.start()
    with database.session() as session:
        catalog.set_status(session, churn.endpoint, EndpointStatus.INACTIVE, actor="user:ada")
    time.sleep(0.5)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    monkeypatch.setattr(changes, "since", real)
    assert told.get(timeout=2) is not None
    watcher.stop()


def _fail(cursor: int) -> None:
    raise OSError("the disk is away")
