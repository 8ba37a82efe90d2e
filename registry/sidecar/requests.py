"""Writes answered requests into the log, and counts them at their endpoint, key and user."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from registry.sidecar.frames import COLUMNS, PREDICTION_COLUMNS, PredictionRow, RequestRow
from registry.sidecar.store import Store


class Row(NamedTuple):
    """A RequestRow with names: its COLUMNS, and its predictions."""

    request_id: str
    endpoint_id: int | None
    api_key_id: int | None
    method: str
    route: str
    status_code: int
    response_time: float
    timestamp: float
    error_message: str | None
    user_id: int | None
    client_request_id: str | None
    predictions: Sequence[PredictionRow]


_NAMES = (*COLUMNS, "cpu_usage", "memory_usage")
_PREDICTION_NAMES = (*PREDICTION_COLUMNS, "position", "request_id", "user_id", "endpoint_id", "created_at")
_INSERT = "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO NOTHING"
_INSERT_REQUEST = _INSERT.format("api_requests", ", ".join(_NAMES), ", ".join("?" * len(_NAMES)), "request_id")
_INSERT_PREDICTION = _INSERT.format(
    "predictions", ", ".join(_PREDICTION_NAMES), ", ".join("?" * len(_PREDICTION_NAMES)), "id"
)
_COUNT_REQUESTS = "UPDATE endpoints SET total_requests = total_requests + ? WHERE id = ?"
_MARK = "UPDATE {} SET {} = ? WHERE id = ? AND ({} IS NULL OR {} < ?)"
_MARK_ENDPOINT = _MARK.format("endpoints", *["last_used_at"] * 3)
_MARK_KEY = _MARK.format("api_keys", *["last_used"] * 3)
_COUNT_PREDICTIONS = "UPDATE users SET prediction_count = prediction_count + ? WHERE id = ?"


def record(store: Store, rows: Sequence[RequestRow], repeated: bool, cpu: float, memory: float) -> None:
    """Write a batch in one transaction; `cpu` (percent) and `memory` (megabytes) are the worker's at the time.

    What a row refers to may be gone since: it is kept without. A key's row says who holds the key, so that a user's log is
    read by one index. Of a batch that is sent again, what was written before
    is passed over.
    """
    fresh = [Row._make(row) for row in rows]
    with store.transaction():
        if repeated:
            fresh = _unwritten(store, fresh)
        endpoints = _standing(store, "endpoints", {row.endpoint_id for row in fresh})
        holders = _standing(store, "api_keys", {row.api_key_id for row in fresh}, "user_id")
        users = _standing(store, "users", {row.user_id for row in fresh})
        kept = [_linked(row, endpoints, holders, users) for row in fresh]
        marked = [row._replace(timestamp=store.moment(row.timestamp)) for row in kept]
        store.execute_many(_INSERT_REQUEST, ((*row[:-1], cpu, memory) for row in marked))
        store.execute_many(_INSERT_PREDICTION, (values for row in marked for values in _predictions(row)))
        _count(store, kept)


def _unwritten(store: Store, rows: Sequence[Row]) -> list[Row]:
    by_id = {row.request_id: row for row in rows}
    known = store.execute(f"SELECT request_id FROM api_requests WHERE request_id IN {_marks(by_id)}", list(by_id))  # noqa: S608
    for (request_id,) in known.fetchall():
        del by_id[request_id]
    return list(by_id.values())


def _standing(store: Store, table: str, ids: set[int | None], column: str = "id") -> dict[int | None, int]:
    """The ids that are still there, with a column; on Postgres held until the end (SQLite has one writer anyway)."""
    wanted = sorted(row for row in ids if row is not None)
    if not wanted:
        return {}
    statement = f"SELECT id, {column} FROM {table} WHERE id IN {_marks(wanted)} ORDER BY id{store.holding}"  # noqa: S608
    return dict(store.execute(statement, wanted).fetchall())


def _marks(values: Iterable[object]) -> str:
    return f"({', '.join('?' for _ in values)})"


def _linked(
    row: Row, endpoints: Container[int | None], holders: Mapping[int | None, int], users: Container[int | None]
) -> Row:
    """The row without what is gone, and with the holder of its key for its user."""
    return row._replace(
        endpoint_id=row.endpoint_id if row.endpoint_id in endpoints else None,
        api_key_id=row.api_key_id if row.api_key_id in holders else None,
        user_id=row.user_id if row.user_id in users else holders.get(row.api_key_id),
    )


def _predictions(row: Row) -> Iterator[tuple[object, ...]]:
    """A request's predictions, in their order, each with what the log says of the request."""
    for position, prediction in enumerate(row.predictions):
        yield (*prediction, position, row.request_id, row.user_id, row.endpoint_id, row.timestamp)


def _count(store: Store, rows: Sequence[Row]) -> None:
    """One update for each endpoint, key and user, in the order of their ids: two workers never wait for each other.

    An answered call of an endpoint counts its user as many predictions as are stored of it, and one where none are.
    """
    asked = Counter(row.endpoint_id for row in rows if row.endpoint_id is not None)
    predicted = Counter[int]()
    for row in rows:
        if row.user_id is not None and row.endpoint_id is not None and row.status_code < 400:
            predicted[row.user_id] += len(row.predictions) or 1
    store.execute_many(_COUNT_REQUESTS, ((count, row) for row, count in sorted(asked.items())))
    for statement, newest in (
        (_MARK_ENDPOINT, _newest((row.endpoint_id, row.timestamp) for row in rows)),
        (_MARK_KEY, _newest((row.api_key_id, row.timestamp) for row in rows)),
    ):
        moments = {row: store.moment(seconds) for row, seconds in sorted(newest.items())}
        store.execute_many(statement, ((moment, row, moment) for row, moment in moments.items()))
    store.execute_many(_COUNT_PREDICTIONS, ((count, row) for row, count in sorted(predicted.items())))


def _newest(moments: Iterable[tuple[int | None, float]]) -> dict[int, float]:
    newest: dict[int, float] = {}
    for row, seconds in moments:
        if row is not None:
            newest[row] = max(seconds, newest.get(row, seconds))
    return newest
