"""How the registry opens SQLite: durable enough, honest about foreign keys, and never losing an update."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

BUSY_SECONDS = 5.0
PRAGMAS = (
    "PRAGMA synchronous=NORMAL",
    f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA trusted_schema=OFF",
)


def writer(url: str) -> Engine:
    """An engine whose transactions hold the write lock from their first statement.

    Python's sqlite3 begins only at the first write, so what was read before it may be stale: updates get lost.
    """
    return _engine(url, begin="BEGIN IMMEDIATE", pragmas=PRAGMAS)


def reader(url: str) -> Engine:
    """An engine whose transactions see one moment, take no write lock and cannot write."""
    return _engine(url, begin="BEGIN", pragmas=(*PRAGMAS, "PRAGMA query_only=ON"))


class DataVersion:
    """A number that moves whenever another connection commits to the file: the cheapest way to notice."""

    def __init__(self, path: str) -> None:
        self.seen: int | None = None
        self._uri = f"{Path(path).absolute().as_uri()}?mode=ro"
        self._connection: sqlite3.Connection | None = None

    def read(self) -> int:
        """The number now; it means something only beside one read before through the same connection."""
        if self._connection is None:
            self._connection = sqlite3.connect(self._uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def close(self) -> None:
        """Close the connection; the next reading counts as moved."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self.seen = None, None


def _engine(url: str, begin: str, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        _write_ahead(connection)
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    # SQLite does not wait for busy_timeout when two processes switch a new file to WAL at once.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
