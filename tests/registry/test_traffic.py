import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from registry import accounts, catalog, database
from registry.settings import settings
from registry.sidecar.frames import COLUMNS, RequestRow
from registry.sidecar.requests import record
from registry.sidecar.store import Store, open_store
from registry.traffic import ApiRequest

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def _row(churn: Any, moment: datetime = NOON, status: int = 200, **changes: Any) -> RequestRow:
    row = (uuid.uuid4().hex, churn.endpoint.id, churn.key.id, "POST", "/api/predict/churn", status, 0.25)
    predictions = changes.pop("predictions", ())
    columns = dict(zip(COLUMNS, (*row, moment.timestamp(), None, None, None), strict=True)) | changes
    changed: Any = (*columns.values(), predictions)
    return changed  # type: ignore[no-any-return]


def _record(*rows: RequestRow, repeated: bool = False) -> None:
    with closing(open_store(settings().url)) as store:
        record(store, rows, repeated, 1.5, 80.0)


def _written() -> list[ApiRequest]:
    with database.reading() as session:
        return list(session.exec(select(ApiRequest)))


def test_a_request_is_kept_as_it_was(churn: Any) -> None:
    row = _row(churn, error_message="née")
    _record(row)
    [found] = _written()
    expected = dict(zip(COLUMNS, row[:-1], strict=True)) | {"timestamp": NOON, "user_id": churn.key.user_id}
    expected |= {"cpu_usage": 1.5, "memory_usage": 80.0}
    assert found.model_dump(include=set(expected)) == expected


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


def test_a_users_predictions_count_by_token_and_by_key_in_one_statement(churn: Any) -> None:
    holder = churn.key.user_id
    _record(_row(churn), *[_row(churn, api_key_id=None, user_id=holder)] * 1, _row(churn, api_key_id=None, user_id=999))
    with database.reading() as session:
        assert session.get_one(accounts.User, holder).prediction_count == 2
    assert [row.user_id for row in _written()] == [holder, holder, None]


def test_a_clients_own_id_may_come_again(churn: Any) -> None:
    _record(_row(churn, client_request_id="mine"), _row(churn, client_request_id="mine"))
    assert [row.client_request_id for row in _written()] == ["mine", "mine"]


def test_a_batch_written_twice_counts_once(churn: Any) -> None:
    rows = [_row(churn), _row(churn)]
    _record(*rows)
    _record(*rows, rows[0], repeated=True)
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


def test_a_batch_that_fails_leaves_nothing(churn: Any) -> None:
    broken = _row(churn, method=None)
    with pytest.raises(Exception, match="(?i)not.null"):
        _record(_row(churn), broken)
    with database.reading() as session:
        endpoint = catalog.find_endpoint(session, "churn")
    assert _written() == [] and endpoint is not None and endpoint.total_requests == 0


def test_a_full_batch_takes_as_many_statements_as_a_small_one(churn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    execute = Store.execute

    def noted(store: Store, statement: str, values: Any = ()) -> Any:
        asked.append(statement.split()[0])
        return execute(store, statement, values)

    monkeypatch.setattr(Store, "execute", noted)
    _record(_row(churn))
    small, asked[:] = list(asked), []
    _record(*[_row(churn) for _ in range(500)])
    assert asked == small and asked.count("BEGIN") == asked.count("COMMIT") == 1
