"""A page of a long log or trail costs no more than its rows: an index leads there, on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, col, select

from registry import database
from registry.audit import AuditEntry
from registry.pages import page
from registry.traffic import ApiRequest, select_predictions
from services import stats
from tests.registry.conftest import Churn

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
COLUMNS = {"timestamp": col(ApiRequest.timestamp), "seq": col(AuditEntry.seq)}


def plan(session: Session, work: Callable[[], object]) -> str:
    """How the database finds the rows of the one statement that `work` executes."""
    seen: list[tuple[str, Any]] = []
    connection = session.connection()

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        seen.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    work()
    event.remove(connection, "before_cursor_execute", note)
    ((statement, parameters),) = seen
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(row[3] for row in rows)
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # a table of no rows is read whole otherwise
    return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))


CHOICES: dict[str, dict[str, Any]] = {
    "all": {},
    "endpoint": {"endpoint": "churn"},
    "key": {"key_id": "k" * 12},
    "span": {"since": MOMENT, "until": MOMENT},
    "one": {"request_id": "x"},
    "status": {"status": 5},
    "user": {},
}


@pytest.mark.parametrize("turned", [False, True], ids=["first", "next"])
@pytest.mark.parametrize("choice", CHOICES)
def test_the_log_is_read_by_an_index_in_its_order(churn: Churn, choice: str, turned: bool) -> None:
    cursor = None
    with database.session() as session:
        for number in range(3):
            session.add(_row(number, churn))
    options: dict[str, Any] = {"id": col(ApiRequest.id), "sort": "-timestamp"}
    with database.reading() as session:
        if turned:
            cursor = page(session, select_predictions(), COLUMNS, limit=1, **options).next_cursor
        chosen = select_predictions(user=churn.user if choice == "user" else None, **CHOICES[choice])
        found = plan(session, lambda: page(session, chosen, COLUMNS, limit=50, cursor=cursor, **options))

    assert "SCAN api_requests\n" not in f"{found}\n" and "Seq Scan on api_requests" not in found, found
    assert choice != "user" or "idx_api_requests_user" in found, found
    assert choice == "one" or "TEMP B-TREE FOR ORDER BY" not in found, found


def test_both_ends_of_the_log_are_found_by_the_index_of_its_moments(churn: Churn) -> None:
    with database.reading() as session:
        found = plan(session, lambda: stats._log(session))
    assert found.count("ix_api_requests_timestamp") == 2 and "SCAN api_requests" not in found, found


def test_the_trail_is_read_by_its_key(churn: Churn) -> None:
    with database.reading() as session:
        chosen = select(AuditEntry).where(AuditEntry.actor == "user:ada")
        options: dict[str, Any] = {"id": col(AuditEntry.seq), "sort": "-seq", "limit": 50}
        found = plan(session, lambda: page(session, chosen, COLUMNS, **options))
    assert "TEMP B-TREE" not in found and "Sort" not in found, found


def _row(number: int, churn: Churn) -> ApiRequest:
    return ApiRequest(
        request_id=str(number),
        endpoint_id=churn.endpoint.id,
        api_key_id=churn.key.id,
        method="POST",
        route="/api/predict/churn",
        response_time=0.1,
        status_code=200,
        timestamp=MOMENT,
    )
