"""The registry's SQLite file through Python's own driver: how every connection to it is set up."""

import sqlite3
import time
from pathlib import Path

BUSY_SECONDS = 5.0
PRAGMAS = (
    "PRAGMA synchronous=NORMAL",
    f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA trusted_schema=OFF",
)


def path_of(url: str) -> str:
    """The file of a `sqlite:///` URL."""
    return url.removeprefix("sqlite:///").partition("?")[0]


def set_up(connection: sqlite3.Connection, *pragmas: str) -> None:
    """Make a new connection durable enough, honest about foreign keys, and leave transactions to the caller."""
    connection.isolation_level = None
    _write_ahead(connection)
    for pragma in (*PRAGMAS, *pragmas):
        connection.execute(pragma)


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
