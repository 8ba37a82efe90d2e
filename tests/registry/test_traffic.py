import statistics
import time
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlmodel import select

from registry import accounts, catalog, database, traffic
from registry.traffic import ApiRequest, RequestRow

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def _row(churn: Any, moment: datetime = NOON, status: int = 200, **changes: Any) -> RequestRow:
    request_id = uuid.uuid4().hex
    row = RequestRow(request_id, churn.endpoint.id, churn.key.id, "POST", "/api/predict/churn", status, 0.25, moment)
    return row._replace(**changes)


def _record(*rows: RequestRow) -> None:
    with database.session() as session:
        traffic.record(session, rows)


def _written() -> list[ApiRequest]:
    with database.reading() as session:
        return list(session.exec(select(ApiRequest)))


def test_a_request_is_kept_as_it_was(churn: Any) -> None:
    details: dict[str, Any] = {
        "request_data": '{"age": 3}',
        "response_data": "[1]",
        "error_message": "née",
        "cpu_usage": 1.5,
    }
    row = _row(churn, memory_usage=80.0, **details)
    _record(row)
    [found] = _written()
    assert found.model_dump(exclude={"id"}) == row._asdict()


def test_requests_are_counted_per_endpoint_key_and_user(churn: Any) -> None:
    later = NOON + timedelta(seconds=5)
    _record(_row(churn), _row(churn, later), _row(churn, status=400), _row(churn, endpoint_id=None))
    _record(_row(churn, NOON - timedelta(days=1)))
    with database.reading() as session:
        endpoint = catalog.find_endpoint(session, "churn")
        key = accounts.find_key(session, churn.key.key_id)
    assert endpoint is not None and key is not None
    assert (endpoint.total_requests, endpoint.last_used_at) == (4, later)
    assert (key.last_used, key.user.prediction_count) == (later, 3)


def test_a_batch_written_twice_counts_once(churn: Any) -> None:
    rows = [_row(churn), _row(churn)]
    _record(*rows, rows[0])
    _record(*rows)
    with database.reading() as session:
        endpoint = catalog.find_endpoint(session, "churn")
    assert endpoint is not None and endpoint.total_requests == 2
    assert len(_written()) == 2


def test_what_was_deleted_meanwhile_never_fails_a_batch(churn: Any) -> None:
    with database.session() as session:
        catalog.delete_endpoint(session, churn.endpoint, actor="user:ada")
    _record(_row(churn), _row(churn, endpoint_id=None, api_key_id=None))
    assert [(row.endpoint_id, row.api_key_id) for row in _written()] == [(None, None)] * 2


def test_an_empty_batch_is_nothing(churn: Any) -> None:
    _record()
    assert _written() == []


def test_moments_are_kept_in_utc_and_need_a_zone(churn: Any) -> None:
    _record(_row(churn, datetime(2030, 1, 1, 14, tzinfo=timezone(timedelta(hours=2)))))
    [found] = _written()
    assert found.timestamp == NOON and found.timestamp.utcoffset() == timedelta()
    with pytest.raises(Exception, match="a moment needs a time zone"):
        _record(_row(churn, NOON.replace(tzinfo=None)))


def test_a_full_batch_is_quick(churn: Any) -> None:
    times = []
    for _ in range(10):
        rows = [_row(churn) for _ in range(500)]
        start = time.perf_counter()
        _record(*rows)
        times.append(time.perf_counter() - start)
    # Far above what it takes (see the package's notes): it must only catch a statement for each row.
    assert statistics.median(times) < 0.25
