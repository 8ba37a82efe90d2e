"""What the operator is told when the database itself fails: one line that says what to do, without SQL."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from registry.errors import RegistryError


@contextmanager
def plainly(url: str) -> Iterator[None]:
    """Turn whatever the database raises into a RegistryError."""
    try:
        yield
    except ImportError:
        raise RegistryError("Postgres needs its driver: install modelport[postgres]") from None
    except ArgumentError:
        raise RegistryError("MODELPORT_DATABASE_URL cannot be read as a database address") from None
    except sqlite3.Error as error:
        raise RegistryError(_about_file(error, make_url(url).database or "")) from None
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) else None
        if isinstance(cause, sqlite3.Error):
            raise RegistryError(_about_file(cause, make_url(url).database or "")) from None
        raise RegistryError(_about_server(error, url)) from None


def _about_file(error: sqlite3.Error, path: str) -> str:
    # The low byte is the failure, the rest its variety; errors raised by Python's module itself carry none.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return f"The registry {path} is damaged or no database: restore a backup or move it away"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"The registry {path} is held by another process: try again when it has finished"
        case sqlite3.SQLITE_FULL:
            return f"The disk of the registry {path} is full: make room and try again"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_IOERR:
            return f"The registry {path} cannot be opened for writing: check its folder, or set MODELPORT_HOME"
        case _:
            return f"The registry {path} failed: {error}"


def _about_server(error: SQLAlchemyError, url: str) -> str:
    address = make_url(url)
    place = f"{address.host or 'localhost'}:{address.port or 5432}/{address.database or ''}"
    kind = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
    return f"The registry at {place} does not answer ({kind}): check MODELPORT_DATABASE_URL and that the server runs"
