"""Rows as a server takes them into its memory: one that can't be read must not take the others down."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, true
from sqlmodel import Session, col, select

from registry.accounts import ApiKey, User
from registry.catalog import Endpoint
from registry.sessions import UserSession

log = logging.getLogger("modelport.rows")

Row = TypeVar("Row", Endpoint, ApiKey, User, UserSession)
Source = TypeVar("Source")
Entry = TypeVar("Entry")


def read(session: Session, table: type[Row], ids: set[int] | None = None) -> Sequence[Row]:
    """The rows with these ids, or all; one by one if that fails, for one value that can't be read fails them all."""
    return read_where(session, table, true() if ids is None else col(table.id).in_(ids))


def read_where(session: Session, table: type[Row], chosen: ColumnElement[bool]) -> Sequence[Row]:
    """The rows of which this holds, as `read` does."""
    try:
        return session.exec(select(table).where(chosen)).all()
    except (LookupError, ValueError, TypeError):
        found = session.exec(select(table.id).where(chosen)).all()
        return list(readable(lambda row: session.exec(select(table).where(table.id == row)).one(), found))


def readable(take: Callable[[Source], Entry], rows: Iterable[Source]) -> Iterator[Entry]:
    """What can be taken in of these rows."""
    for row in rows:
        try:
            yield take(row)
        except Exception as error:
            log.error("row %s of the registry can't be read", getattr(row, "id", row), exc_info=error)
