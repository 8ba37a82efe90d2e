"""How the registry opens SQLite through SQLAlchemy: a writer that never loses an update, a reader that never waits."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from registry import sqlite_file


def writer(url: str) -> Engine:
    """An engine whose transactions hold the write lock from their first statement.

    Python's sqlite3 begins only at the first write, so what was read before it may be stale: updates get lost.
    """
    return _engine(url, "BEGIN IMMEDIATE")


def reader(url: str) -> Engine:
    """An engine whose transactions see one moment, take no write lock and cannot write."""
    return _engine(url, "BEGIN", "PRAGMA query_only=ON")


def _engine(url: str, begin: str, *pragmas: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": sqlite_file.BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        sqlite_file.set_up(connection, *pragmas)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
