"""A registry on each database, something in it, and other processes that use it."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from registry import accounts, catalog, database
from registry.accounts import ApiKey, User
from registry.catalog import Endpoint, Model
from tests.registry.chains import append

ACTOR = "user:ada"

# Everything slow is loaded before the start, so that the processes really meet.
_WAIT = """
import os, pathlib, time
import registry.traffic
pathlib.Path("{ready}", str(os.getpid())).touch()
while not pathlib.Path("{gate}").exists():
    pass
"""

Processes = Callable[[int, str], list[str]]


class Churn(NamedTuple):
    """An endpoint with a model and a key."""

    user: User
    model: Model
    endpoint: Endpoint
    key: ApiKey


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def empty(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of the database in use; no schema in it yet."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    request.getfixturevalue("on_postgres")
    yield "postgres"


@pytest.fixture
def store(empty: str, home: Path, empty_registry: Path) -> str:
    """A registry with today's schema, on SQLite and on Postgres."""
    if empty == "sqlite":
        shutil.copytree(empty_registry, home)
    else:
        database.upgrade()
    return empty


@pytest.fixture
def churn(store: str) -> Churn:
    """A registry that holds one endpoint."""
    with database.session() as session:
        user = accounts.local_user(session)
        model = Model(
            name="churn",
            version=catalog.next_version(session, "churn"),
            framework="sklearn",
            sha256="0" * 64,
            source_sha256="1" * 64,
            tag="churn:a",
            runtime="onnx",
            signature={"columns": ["age"]},
            size_bytes=5_000_000_000,
        )
        catalog.add_model(session, model, actor=ACTOR)
        endpoint = catalog.put_endpoint(
            session, name="churn", path="/api/predict/churn", model=model, bento="churn:1", actor=ACTOR
        )
        key = accounts.add_key(
            session, key_id="k" * 12, key_hash="2" * 64, user=user, endpoint=endpoint, name="first", actor=ACTOR
        )
    return Churn(user, model, endpoint, key)


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    """Run the same code in several processes that start it together; what each printed."""

    def run(count: int, code: str) -> list[str]:
        ready, gate = tmp_path / "ready", tmp_path / "go"
        ready.mkdir()
        command = [sys.executable, "-W", "error", "-c", f"{_WAIT.format(ready=ready, gate=gate)}\n{code}"]
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        while len(list(ready.iterdir())) < count and all(process.poll() is None for process in started):
            time.sleep(0.01)
        gate.touch()
        printed = [process.communicate(timeout=60)[0] for process in started]
        assert [process.returncode for process in started] == [0] * count
        return printed

    return run


@pytest.fixture
def chain(store: str) -> str:
    """Five entries."""
    append(5)
    return store
