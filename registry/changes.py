"""How running servers learn what changed: triggers write one row a change, and each server reads those it has not seen."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import Field, SQLModel, col, select

from registry.columns import BigId
from registry.database import reading


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


class Follower:
    """Tells a server what changed since it last looked; the sidecar says when it is time to look."""

    def __init__(self, cursor: int, on_changes: Callable[[list[Change] | None], None]) -> None:
        self.cursor = cursor
        self._on_changes = on_changes

    def look(self) -> None:
        """Call `on_changes` with the changes there are, or with None to reload everything; not at all if there are none.

        The cursor moves on only when that has succeeded.
        """
        changes = since(self.cursor)
        if changes is None:
            newest = latest()
            self._on_changes(None)
            self.cursor = newest
        elif changes:
            self._on_changes(changes)
            self.cursor = changes[-1].id
