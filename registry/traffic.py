"""What was asked and answered: the request log, written in batches behind the answers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Case, Connection, Index, Select, Text, bindparam, case, update
from sqlalchemy.orm import Mapped
from sqlmodel import Field, Session, SQLModel, col, select

from registry.accounts import ApiKey, User
from registry.catalog import Endpoint
from registry.columns import BigId, UtcDateTime


class ApiRequest(SQLModel, table=True):
    """One answered request."""

    __tablename__ = "api_requests"
    __table_args__ = (Index("idx_api_requests_timestamp", "endpoint_id", "timestamp"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    request_id: str = Field(unique=True, index=True)
    endpoint_id: int | None = Field(default=None, foreign_key="endpoints.id", ondelete="CASCADE")
    api_key_id: int | None = Field(default=None, foreign_key="api_keys.id", ondelete="SET NULL", index=True)
    method: str
    route: str
    request_data: str | None = Field(default=None, sa_type=Text)
    response_data: str | None = Field(default=None, sa_type=Text)
    response_time: float = Field(description="Seconds.")
    status_code: int
    error_message: str | None = None
    cpu_usage: float | None = Field(default=None, description="Percent.")
    memory_usage: float | None = Field(default=None, description="Megabytes.")
    timestamp: datetime = Field(sa_type=UtcDateTime)


class RequestRow(NamedTuple):
    """What a worker knows of a request once it is answered."""

    request_id: str
    endpoint_id: int | None
    api_key_id: int | None
    method: str
    route: str
    status_code: int
    response_time: float
    timestamp: datetime
    request_data: str | None = None
    response_data: str | None = None
    error_message: str | None = None
    cpu_usage: float | None = None
    memory_usage: float | None = None


def record(session: Session, rows: Sequence[RequestRow], careful: bool = True) -> None:
    """Write answered requests and count them.

    Carefully, rows written before are passed over, and so is every endpoint or key that is gone: a batch can be
    repeated. A first attempt may leave that out and let the database refuse the batch.
    """
    connection = session.connection()
    if not careful:
        _insert(connection, rows)
        _count(connection, rows)
        return
    known = set(connection.scalars(_KNOWN, {"ids": [row.request_id for row in rows]}))
    fresh = [row for row in {row.request_id: row for row in rows}.values() if row.request_id not in known]
    if not fresh:
        return
    endpoints = _held(connection, _ENDPOINTS, {row.endpoint_id for row in fresh})
    keys = _held(connection, _KEYS, {row.api_key_id for row in fresh})
    written = [_without_what_is_gone(row, endpoints, keys) for row in fresh]
    _insert(connection, written)
    _count(connection, written)


def _insert(connection: Connection, rows: Sequence[RequestRow]) -> None:
    """One statement for all rows, straight to the driver.

    `executemany` gives up the interpreter lock for every row, and each time the thread that answers requests is
    interrupted to give it back: that cost a request more than all of its layers together.
    """
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    names = ", ".join(RequestRow._fields)
    marks = f"({', '.join(mark for _ in RequestRow._fields)})"
    stamp = _TIMESTAMP.bind_processor(connection.dialect) or (lambda moment: moment)
    connection.exec_driver_sql(
        f"INSERT INTO api_requests ({names}) VALUES {', '.join([marks] * len(rows))}"  # noqa: S608  all constants
        " ON CONFLICT (request_id) DO NOTHING",
        tuple(value for row in rows for value in (*row[:_AT], stamp(row.timestamp), *row[_AT + 1 :])),
    )


def _held(connection: Connection, statement: Select[Any], ids: set[int | None]) -> set[int | None]:
    """The ids that still exist. Locked on Postgres (SQLite has one writer anyway), so that none goes away meanwhile."""
    return set(connection.scalars(statement, {"ids": sorted(row for row in ids if row is not None)}))


def _without_what_is_gone(row: RequestRow, endpoints: set[int | None], keys: set[int | None]) -> RequestRow:
    if row.endpoint_id in endpoints and row.api_key_id in keys:
        return row
    endpoint = row.endpoint_id if row.endpoint_id in endpoints else None
    return row._replace(endpoint_id=endpoint, api_key_id=row.api_key_id if row.api_key_id in keys else None)


def _count(connection: Connection, rows: Sequence[RequestRow]) -> None:
    """Bring the counters and times of use up to date, one update for each endpoint and key."""
    asked = Counter(row.endpoint_id for row in rows)
    predicted = Counter(row.api_key_id for row in rows if row.api_key_id and row.endpoint_id and row.status_code < 400)
    used = _newest((row.endpoint_id, row.timestamp) for row in rows)
    marked = _newest((row.api_key_id, row.timestamp) for row in rows)
    for statement, values in (
        (_COUNT_REQUESTS, [{"row": row, "count": asked[row], "moment": used[row]} for row in sorted(used)]),
        (_MARK_KEY, [{"row": row, "moment": marked[row]} for row in sorted(marked)]),
        (_COUNT_PREDICTIONS, [{"row": row, "count": count} for row, count in sorted(predicted.items())]),
    ):
        if values:
            connection.execute(statement, values)


def _newest(moments: Iterable[tuple[int | None, datetime]]) -> dict[int, datetime]:
    newest: dict[int, datetime] = {}
    for row, moment in moments:
        if row is not None:
            newest[row] = max(moment, newest.get(row, moment))
    return newest


def _later(column: Mapped[Any]) -> Case[Any]:
    moment = bindparam("moment", type_=UtcDateTime)
    return case((column > moment, column), else_=moment)


def _still_there(table: type[Endpoint] | type[ApiKey]) -> Select[Any]:
    found = select(table.id).where(col(table.id).in_(_IDS)).order_by(col(table.id))
    return found.with_for_update(read=True, key_share=True)


# Built once: building and hashing them anew took most of a small batch's time.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_KNOWN = select(ApiRequest.request_id).where(col(ApiRequest.request_id).in_(_IDS))
_ENDPOINTS, _KEYS = _still_there(Endpoint), _still_there(ApiKey)
_AT, _TIMESTAMP = RequestRow._fields.index("timestamp"), UtcDateTime()
_COUNT_REQUESTS = (
    update(Endpoint)
    .where(col(Endpoint.id) == bindparam("row"))
    .values(
        total_requests=col(Endpoint.total_requests) + bindparam("count"),
        last_used_at=_later(col(Endpoint.last_used_at)),
    )
)
_MARK_KEY = update(ApiKey).where(col(ApiKey.id) == bindparam("row")).values(last_used=_later(col(ApiKey.last_used)))
_COUNT_PREDICTIONS = (
    update(User)
    .where(col(User.id) == select(ApiKey.user_id).where(ApiKey.id == bindparam("row")).scalar_subquery())
    .values(prediction_count=col(User.prediction_count) + bindparam("count"))
)
