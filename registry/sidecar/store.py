"""The registry through its plain driver, SQLite's or Postgres's: the few calls that the sidecar makes."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from registry import sqlite_file

SECONDS = 5  # for a connection, and for a statement that waits for others


class Store:
    """One connection; statements are written with `?` for every value."""

    connection: Any
    begin = "BEGIN"
    holding = ""  # how rows are read that must not go away before the transaction ends

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement; the rows it gives."""
        return self.connection.execute(statement, values)

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        self.connection.cursor().executemany(statement, list(rows))

    def moment(self, seconds: float) -> Any:
        """Seconds since the epoch as the database holds a moment."""
        raise NotImplementedError

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block did, or undo it when it raises."""
        self.execute(self.begin)
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class SqliteStore(Store):
    """The embedded registry."""

    begin = "BEGIN IMMEDIATE"  # a transaction that begins by reading may be refused when it comes to write

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, timeout=sqlite_file.BUSY_SECONDS)
        sqlite_file.set_up(self.connection)

    def moment(self, seconds: float) -> str:
        """As SQLAlchemy writes it: UTC, without a zone."""
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class PostgresStore(Store):
    """A registry on a server."""

    holding = " FOR KEY SHARE"

    def __init__(self, url: str) -> None:
        import psycopg

        options = f"-c lock_timeout={SECONDS}s -c statement_timeout={2 * SECONDS}s"
        self.connection = psycopg.connect(url, autocommit=True, connect_timeout=SECONDS, options=options)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement; the rows it gives."""
        return super().execute(statement.replace("?", "%s"), values)

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values, all in one go (libpq's pipeline)."""
        super().execute_many(statement.replace("?", "%s"), rows)

    def moment(self, seconds: float) -> datetime:
        """A moment with its zone."""
        return datetime.fromtimestamp(seconds, UTC)


def open_store(url: str) -> Store:
    """The store at the registry's URL, as `settings().url` has it."""
    if url.startswith("sqlite:///"):
        return SqliteStore(sqlite_file.path_of(url))
    return PostgresStore(url.replace("postgresql+psycopg://", "postgresql://", 1))
