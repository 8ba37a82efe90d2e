"""What was asked and answered: the request log, written in batches behind the answers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Case, Index, Text, Update, bindparam, case, update
from sqlalchemy.dialects import postgresql, sqlite
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


def record(session: Session, rows: Sequence[RequestRow]) -> None:
    """Write answered requests and count them; rows written before are passed over, so a batch can be repeated."""
    fresh = _not_yet_written(session, rows)
    if not fresh:
        return
    endpoints = _held(session, Endpoint, {row.endpoint_id for row in fresh})
    keys = _held(session, ApiKey, {row.api_key_id for row in fresh})
    written = [_without_what_is_gone(row, endpoints, keys) for row in fresh]
    _insert(session, written)
    _count_endpoints(session, written)
    _mark_keys(session, written)
    _count_predictions(session, written)


def _not_yet_written(session: Session, rows: Sequence[RequestRow]) -> list[RequestRow]:
    unique = {row.request_id: row for row in rows}
    known = set(session.exec(select(ApiRequest.request_id).where(col(ApiRequest.request_id).in_(unique))))
    return [row for request_id, row in unique.items() if request_id not in known]


def _held(session: Session, table: type[Endpoint] | type[ApiKey], ids: set[int | None]) -> set[int | None]:
    # The rows are locked on Postgres (SQLite has one writer anyway): none of them goes away before the batch is in.
    found = select(table.id).where(col(table.id).in_(ids - {None})).order_by(col(table.id))
    return set(session.exec(found.with_for_update(read=True, key_share=True)))


def _without_what_is_gone(row: RequestRow, endpoints: set[int | None], keys: set[int | None]) -> RequestRow:
    if row.endpoint_id in endpoints and row.api_key_id in keys:
        return row
    endpoint = row.endpoint_id if row.endpoint_id in endpoints else None
    return row._replace(endpoint_id=endpoint, api_key_id=row.api_key_id if row.api_key_id in keys else None)


def _insert(session: Session, rows: Sequence[RequestRow]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(ApiRequest).on_conflict_do_nothing(index_elements=["request_id"])
    session.connection().execute(statement, [row._asdict() for row in rows])


def _count_endpoints(session: Session, rows: Sequence[RequestRow]) -> None:
    counts = Counter(row.endpoint_id for row in rows)
    newest = _newest((row.endpoint_id, row.timestamp) for row in rows)
    values = {
        "total_requests": col(Endpoint.total_requests) + bindparam("count"),
        "last_used_at": _later(col(Endpoint.last_used_at)),
    }
    statement = update(Endpoint).where(col(Endpoint.id) == bindparam("row")).values(values)
    _execute(session, statement, [{"row": row, "count": counts[row], "moment": newest[row]} for row in sorted(newest)])


def _mark_keys(session: Session, rows: Sequence[RequestRow]) -> None:
    newest = _newest((row.api_key_id, row.timestamp) for row in rows)
    statement = update(ApiKey).where(col(ApiKey.id) == bindparam("row")).values(last_used=_later(col(ApiKey.last_used)))
    _execute(session, statement, [{"row": row, "moment": newest[row]} for row in sorted(newest)])


def _count_predictions(session: Session, rows: Sequence[RequestRow]) -> None:
    counts = Counter(row.api_key_id for row in rows if row.api_key_id and row.endpoint_id and row.status_code < 400)
    holder = select(ApiKey.user_id).where(ApiKey.id == bindparam("row")).scalar_subquery()
    more = col(User.prediction_count) + bindparam("count")
    statement = update(User).where(col(User.id) == holder).values(prediction_count=more)
    _execute(session, statement, [{"row": row, "count": count} for row, count in sorted(counts.items())])


def _newest(moments: Iterable[tuple[int | None, datetime]]) -> dict[int, datetime]:
    newest: dict[int, datetime] = {}
    for row, moment in moments:
        if row is not None:
            newest[row] = max(moment, newest.get(row, moment))
    return newest


def _later(column: Mapped[Any]) -> Case[Any]:
    moment = bindparam("moment", type_=UtcDateTime)
    return case((column > moment, column), else_=moment)


def _execute(session: Session, statement: Update, values: list[dict[str, Any]]) -> None:
    if values:
        session.connection().execute(statement, values)
