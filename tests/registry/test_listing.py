"""The list of endpoints says what the registry's own objects say, in one statement, and imports next to nothing."""

import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry import catalog, database
from registry.catalog import EndpointStatus, Model
from registry.listing import lines
from registry.settings import settings
from tests.registry.conftest import ACTOR, Churn

_COUNT = """
import functools, json, sqlite3, sys
statements = []
class Watched(sqlite3.Connection):
    def execute(self, statement, *parameters):
        statements.append(statement)
        return super().execute(statement, *parameters)
sqlite3.connect = functools.partial(sqlite3.connect, factory=Watched)
from registry.listing import lines
found = len(lines())
print(json.dumps([found, statements, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_a_line_says_what_the_endpoint_says(churn: Churn) -> None:
    with database.session() as session:
        endpoint = catalog.find_endpoint(session, "churn")
        assert endpoint is not None
        catalog.set_status(session, endpoint, EndpointStatus.INACTIVE, actor=ACTOR)
        endpoint.last_used_at, endpoint.total_requests = datetime(2026, 5, 1, 12, 30, tzinfo=UTC), 5_000_000_000
    (line,) = lines()
    model = endpoint.model
    assert line[:4] == ("churn", "inactive", "churn", "1")
    assert line[4:7] == (model.framework, model.runtime, endpoint.bento)
    assert line[7:] == (endpoint.created_at, endpoint.last_used_at, endpoint.total_requests)


def test_lines_stand_by_name(churn: Churn) -> None:
    with database.session() as session:
        for name in ("zebra", "apples"):
            catalog.put_endpoint(session, name=name, path=f"/{name}", model=churn.model, bento="churn:1", actor=ACTOR)
    assert [line.endpoint for line in lines()] == ["apples", "churn", "zebra"]
    assert [line.last_used_at for line in lines()] == [None] * 3


def test_a_file_without_a_schema_holds_nothing(home: Path) -> None:
    assert lines() == []
    home.mkdir()
    with sqlite3.connect(home / "registry.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.close()
    assert lines() == []


def test_an_address_with_options_is_read_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(1)
    monkeypatch.setenv("MODELPORT_DATABASE_URL", f"sqlite:///{home / 'registry.db'}?timeout=3")
    settings.cache_clear()
    assert [line.endpoint for line in lines()] == ["e0"]


def test_many_endpoints_cost_one_statement_and_no_sqlalchemy(home: Path) -> None:
    fill(20)
    command = [sys.executable, "-c", _COUNT]
    printed = subprocess.run(command, env={**os.environ}, capture_output=True, text=True, check=True).stdout
    found, statements, imported = json.loads(printed)
    assert found == 20
    (reading,) = [statement for statement in statements if "endpoints" in statement]
    assert "signature" not in reading and "report" not in reading
    assert len(statements) == 4  # and a pragma, and two for the schema's revision
    assert not set(imported) & {"sqlalchemy", "sqlmodel", "alembic", "numpy", "psycopg"}


def fill(count: int) -> None:
    """Write that many endpoints of one model."""
    database.upgrade()
    with database.session() as session:
        model = Model(
            name="e",
            version=1,
            framework="sklearn",
            sha256="0" * 64,
            source_sha256="",
            runtime="sklearn",
            signature={},
            size_bytes=1,
        )
        catalog.add_model(session, model, actor=ACTOR)
        for number in range(count):
            name = f"e{number}"
            catalog.put_endpoint(session, name=name, path=f"/{name}", model=model, bento="e:1", actor=ACTOR)
