"""The endpoints in a line each: one narrow statement, and for a SQLite file no more than Python's own driver.

Importing SQLAlchemy and making an object of every row, its signature included, took longer than all the rest of
`modelport list`.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from registry.schema import refuse_newer, refuse_older
from registry.settings import settings
from registry.sqlite_file import BUSY_SECONDS, path_of

_ENDPOINTS = """
SELECT endpoints.name, status, models.name, version, framework, runtime, bento,
       endpoints.created_at, last_used_at, total_requests
FROM endpoints JOIN models ON models.id = endpoints.model_id
ORDER BY endpoints.name
"""


class Line(NamedTuple):
    """What a list says of an endpoint."""

    endpoint: str
    status: str
    model: str
    version: str
    framework: str
    runtime: str
    bento: str
    created_at: datetime
    last_used_at: datetime | None
    total_requests: int


def lines() -> list[Line]:
    """Every endpoint by name; none where there is no registry yet.

    Raises RegistryError for a schema of another version, and what the driver raises for a database that fails.
    """
    url = settings().url
    plain = settings().embedded and "?" not in url
    return _of_file(Path(path_of(url))) if plain else _of_database()


def _of_file(path: Path) -> list[Line]:
    if not path.exists():
        return []
    # Not mode=ro: the last reader of a registry in WAL mode could not tidy up after itself.
    opened = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
    with closing(opened) as connection:
        connection.execute("PRAGMA query_only=ON")
        revision = _revision(connection)
        if not revision:
            return []
        refuse_older(refuse_newer(revision))
        return _read(connection.execute(_ENDPOINTS))


def _revision(connection: sqlite3.Connection) -> str:
    """Empty for a file without a schema: that is what an upgrade leaves that was killed before it had done anything."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return ""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _of_database() -> list[Line]:
    from registry.database import reading, registry_exists, require_schema

    if not registry_exists():
        return []
    require_schema()
    with reading() as session:
        return _read(session.connection().exec_driver_sql(_ENDPOINTS))


def _read(rows: Iterable[Sequence[Any]]) -> list[Line]:
    found = (Line(*row) for row in rows)
    return [
        line._replace(
            version=str(line.version), created_at=_moment(line.created_at), last_used_at=_moment(line.last_used_at)
        )
        for line in found
    ]


def _moment(stored: Any) -> Any:
    """A moment in UTC, or None; SQLite keeps it as text without its zone."""
    if isinstance(stored, str):
        return datetime.fromisoformat(stored).replace(tzinfo=UTC)
    return None if stored is None else stored.astimezone(UTC)
