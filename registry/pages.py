"""Lists a page at a time: a page begins behind the last row of the one before (keyset paging), not at a count of rows.

Rows that are added or removed meanwhile neither repeat nor hide others. A row whose sorted value changes meanwhile may
move across a page's edge. Missing values come before all others, on SQLite and on Postgres.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Integer, literal, or_, tuple_
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from registry.columns import BigId, UtcDateTime
from registry.errors import InvalidInput

Row = TypeVar("Row")
Columns = Mapping[str, Any]  # what a list may be sorted by, and the column behind each name

_LARGEST = 2**63 - 1  # SQLite's driver fails on larger numbers


class Page(NamedTuple, Generic[Row]):
    """Some rows of a list in its order; `next_cursor` leads to those after them, None when there are none."""

    items: list[Row]
    next_cursor: str | None


class _Place(NamedTuple):
    """The row behind which a page begins."""

    value: Any
    id: int


def page(
    session: Session,
    chosen: SelectOfScalar[Row],
    columns: Columns,
    *,
    id: Any,
    sort: str,
    limit: int,
    cursor: str | None = None,
) -> Page[Row]:
    """The rows of a statement without an order of its own, sorted by one of the columns: `name`, or `-name` to descend.

    Rows with the same value stand by `id`, the table's integer key. InvalidInput for a cursor that no list with this
    order gave.
    """
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    column: InstrumentedAttribute[Any] = columns[name]
    if cursor is not None:
        chosen = chosen.where(_behind(_read(cursor, sort, column), column, id, descending))
    ordered = chosen.order_by(*_order(column, id, descending)).limit(limit + 1)
    found = list(session.exec(ordered))
    kept = found[:limit]
    return Page(kept, _cursor(sort, kept[-1], column, id) if len(found) > limit else None)


def _order(column: Any, id: Any, descending: bool) -> list[ColumnElement[Any]]:
    by = column.desc() if descending else column.asc()
    if column.expression.nullable:  # for others it goes without saying, and keeps Postgres from using an index
        by = by.nulls_last() if descending else by.nulls_first()
    return [by] if column is id else [by, id.desc() if descending else id.asc()]


def _behind(place: _Place, column: Any, id: Any, descending: bool) -> Any:
    number = literal(place.id, BigInteger())  # as wide as what a cursor may hold
    # A comparison of pairs is a range of an index on both databases; the same in words (x > a or x = a and …) is not.
    if column is id:
        return _beyond(id, number, descending)
    if place.value is None:
        following = _beyond(id, number, descending)
        return column.is_(None) & following if descending else or_(column.is_not(None), following)
    kind = BigInteger() if isinstance(place.value, int) else column.type
    after = _beyond(tuple_(column, id), tuple_(literal(place.value, kind), number), descending)
    return or_(after, column.is_(None)) if descending and column.expression.nullable else after


def _beyond(here: Any, there: Any, descending: bool) -> ColumnElement[bool]:
    after: ColumnElement[bool] = here < there if descending else here > there
    return after


def _cursor(sort: str, row: Any, column: Any, id: Any) -> str:
    value = getattr(row, column.key)
    told = value.isoformat() if isinstance(value, datetime) else value
    text = json.dumps([sort, told, getattr(row, id.key)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, sort: str, column: Any) -> _Place:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        of, told, id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        place = _Place(_value(told, column), _number(id))
    except (ValueError, TypeError, RecursionError, OverflowError):
        raise InvalidInput("The cursor is not one that a list answered as next_cursor.") from None
    if of != sort:
        raise InvalidInput("The cursor belongs to another sort: go on with the one that the list began with.")
    return place


def _value(told: Any, column: Any) -> Any:
    """The value that was written into a cursor; ValueError for one that the column can't have."""
    if told is None and column.expression.nullable:
        return None
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(told).astimezone(UTC)
    if isinstance(column.type, (Integer, BigId)):
        return _number(told)
    if not isinstance(told, str) or "\x00" in told:
        raise ValueError("no text that is stored")
    told.encode()  # half of a surrogate pair is none either
    return told


def _number(told: Any) -> int:
    if type(told) is not int or not 0 <= told <= _LARGEST:
        raise ValueError("no number that is stored")
    return told
