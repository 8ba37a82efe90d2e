"""The registry's database, SQLite or Postgres: a session is one transaction, and upgrade() brings the schema to today.

Functions that take a session flush; only the edge that opened it commits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlmodel import Session

from registry import secrets_file, sqlite
from registry.errors import RegistryError
from registry.failures import plainly
from registry.schema import HEAD, refuse_newer, refuse_older
from registry.settings import settings

MIGRATIONS = Path(__file__).parent / "migrations"
# One lock for the audit chain, version numbers and the triggers of `changes`: two locks could wait for each other.
WRITERS_LOCK = "SELECT pg_advisory_xact_lock(hashtext('modelport:writers'))"
_made: list[Engine] = []


def engine() -> Engine:
    """The connections of this process to the registry."""
    return _writer(settings().url)


def dispose() -> None:
    """Close every connection and forget the engines."""
    _writer.cache_clear()
    _reader.cache_clear()
    while _made:
        _made.pop().dispose()


@contextmanager
def session() -> Iterator[Session]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    with Session(engine(), expire_on_commit=False) as opened, opened.begin():
        yield opened


@contextmanager
def reading() -> Iterator[Session]:
    """One transaction that only reads, and so never waits for a writer nor makes one wait."""
    with Session(_reader(settings().url), expire_on_commit=False) as opened, opened.begin():
        yield opened


def exclusive(session: Session) -> None:
    """Wait until no other transaction changes what the platform keeps in order; SQLite has seen to it already."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(WRITERS_LOCK)


def upgrade() -> None:
    """Bring the registry to this version's schema, making it if need be; harmless to run twice or at once."""
    url = settings().url
    _make_home()
    with plainly(url), engine().connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(WRITERS_LOCK)
        if refuse_newer(_revision(connection)) < HEAD:
            _migrate(connection)


def registry_exists() -> bool:
    """Whether there is a registry to read; a server elsewhere is taken to have one.

    A file without a schema is none: that is what an upgrade leaves that was killed before it had done anything.
    """
    url = settings().url
    if not settings().embedded:
        return True
    if not Path(_reader(url).url.database or "").exists():
        return False
    with plainly(url), _reader(url).connect() as connection:
        return _revision(connection) != ""


def require_schema() -> None:
    """Refuse to go on with a registry that is missing or not at this version's schema."""
    url = settings().url
    with plainly(url):
        path = _reader(url).url.database
        if settings().embedded and not Path(path or "").exists():
            raise RegistryError(f"There is no registry at {path}: run `modelport db upgrade`")
        with _reader(url).connect() as connection:
            refuse_older(refuse_newer(_revision(connection)))


@cache
def _writer(url: str) -> Engine:
    if url.startswith("sqlite:"):
        return _remember(sqlite.writer(url))
    return _remember(create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5}))


@cache
def _reader(url: str) -> Engine:
    if url.startswith("sqlite:"):
        return _remember(sqlite.reader(url))
    return _writer(url).execution_options(postgresql_readonly=True)


def _remember(made: Engine) -> Engine:
    _made.append(made)
    return made


def _make_home() -> None:
    home = settings().home
    try:
        secrets_file.private_folder(home)
    except OSError as error:
        raise RegistryError(f"Cannot make {home} ({error.strerror}): set MODELPORT_HOME to a folder you own") from None


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def _migrate(connection: Connection) -> None:
    # Only here: Alembic costs every other command a tenth of a second.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
