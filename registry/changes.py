"""How running servers learn what changed: triggers write one row a change, a thread in each server reads them."""

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import Field, SQLModel, col, select

from registry import sqlite
from registry.columns import BigId
from registry.database import engine, reading
from registry.settings import settings

SQLITE_POLL_SECONDS = 0.2  # each look makes the thread that answers requests wait for the interpreter lock
POSTGRES_POLL_SECONDS = 1.0
log = logging.getLogger(__name__)


class ChangeRow(SQLModel, table=True):
    """A row of the table that triggers alone write."""

    __tablename__ = "changes"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    table_name: str
    row_id: int = Field(sa_type=BigId)


class Change(NamedTuple):
    """One row of one table was added, removed, or changed in a way that matters to a server."""

    id: int
    table_name: str
    row_id: int


def latest() -> int:
    """The newest change there is; read it before loading anything, and watch from there."""
    with reading() as session:
        return session.exec(select(func.max(ChangeRow.id))).one() or 0


def since(cursor: int) -> list[Change] | None:
    """The changes after that one in order, or None if they are no longer all there: reload everything."""
    row = col(ChangeRow.id), col(ChangeRow.table_name), col(ChangeRow.row_id)
    with reading() as session:
        oldest, newest = session.exec(select(func.min(ChangeRow.id), func.max(ChangeRow.id))).one()
        # A newest one before the cursor means that an older database was put in this one's place.
        if cursor > (newest or 0) or (oldest or 0) > cursor + 1:
            return None
        found = session.exec(select(*row).where(col(ChangeRow.id) > cursor).order_by(col(ChangeRow.id)))
        return [Change(id or 0, table_name, row_id) for id, table_name, row_id in found]


class Watcher(threading.Thread):
    """Tells a server of every change within a moment, away from its requests."""

    def __init__(self, cursor: int, on_changes: Callable[[list[Change] | None], None]) -> None:
        super().__init__(name="registry-watcher", daemon=True)
        self._cursor = cursor
        self._on_changes = on_changes
        self._stopping = threading.Event()
        self._file = sqlite.DataVersion(engine().url.database or "") if settings().embedded else None

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join()

    def run(self) -> None:
        """Look for changes until stopped, whatever the database does meanwhile."""
        outage = False
        while not self._stopping.wait(SQLITE_POLL_SECONDS if self._file else POSTGRES_POLL_SECONDS):
            try:
                self._look()
                outage = False
            except Exception as error:
                if not outage:
                    log.warning("Cannot follow the registry's changes, trying on", exc_info=error)
                outage = True
                self._forget()
        self._forget()

    def _look(self) -> None:
        if self._file is None:
            self._tell()
        elif (version := self._file.read()) != self._file.seen:
            self._tell()
            self._file.seen = version

    def _tell(self) -> None:
        changes = since(self._cursor)
        if changes is None:
            newest = latest()
            self._on_changes(None)
            self._cursor = newest
        elif changes:
            self._on_changes(changes)
            self._cursor = changes[-1].id

    def _forget(self) -> None:
        if self._file is not None:
            self._file.close()
