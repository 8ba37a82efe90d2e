"""A home of its own for each test that asks for one; BentoML's stores and metrics are never the user's."""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from registry import database
from registry.settings import settings

# What one run finds, the next one finds too; `pytest --hypothesis-profile=search` draws examples that nobody has seen.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile("repeatable")

# Files that share a server, an exported model or TensorFlow: run by one process, which makes it once.
_TOGETHER = ("tests/serving/", "tests/services/exporting/", "/test_keras.py")

# What serves or exports for real takes minutes: `make test` runs one file of each, `make test-all` all of them.
_FOR_REAL = {"serving": "test_hub.py", "exporting": "test_sklearn.py"}

# Read when bentoml and prometheus_client are imported: by the tests, never by the registry.
_SCRATCH = tempfile.mkdtemp(prefix="modelport-tests-")
atexit.register(shutil.rmtree, _SCRATCH, ignore_errors=True)
os.environ["BENTOML_DO_NOT_TRACK"] = "true"
os.environ["BENTOML_HOME"] = f"{_SCRATCH}/bentoml"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _SCRATCH


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what serves or exports for real, but for one file of each; begin with what takes long."""
    items.sort(key=lambda item: not any(part in item.path.as_posix() for part in _TOGETHER))
    for item in items:
        if _FOR_REAL.get(item.path.parent.name, item.path.name) != item.path.name:
            item.add_marker(pytest.mark.slow)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, keep not only each file in one process."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):  # type: ignore[misc]  # it has no types
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((part for part in _TOGETHER if part in file), file)

    return Together(config, log)


@contextmanager
def living_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A MODELPORT_HOME in that folder, and no other setting from outside: neither variables nor a .env file."""
    for name in list(os.environ):
        if name.upper().startswith("MODELPORT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MODELPORT_HOME", str(folder / "home"))
    settings.cache_clear()
    yield folder / "home"
    database.dispose()
    settings.cache_clear()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home of the test's own."""
    with living_in(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a registry at today's schema and nothing in it, to be copied: the migrations take a while."""
    with pytest.MonkeyPatch.context() as patch, living_in(tmp_path_factory.mktemp("empty"), patch) as made:
        database.upgrade()
        database.dispose()
        return made


@pytest.fixture
def empty_home(home: Path, empty_registry: Path) -> Path:
    """A home of the test's own with an empty registry in it."""
    shutil.copytree(empty_registry, home)
    return home


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a real Postgres of our own, without a database's name; skipped where Postgres isn't installed."""
    tools = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if tools is None or os.geteuid() != 0:
        pytest.skip("needs root and Debian's postgresql to start a server of its own")
    folder = Path(tempfile.mkdtemp(prefix="modelport-postgres-"))  # pytest's own folders are closed to other users
    shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_postgres = ["runuser", "-u", "postgres", "--"]
    data, options = str(folder / "data"), f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    initdb = [*as_postgres, str(tools / "initdb"), "-D", data, "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
    control = [*as_postgres, str(tools / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd=folder)
    yield f"postgresql://postgres@127.0.0.1:{port}"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder)
    shutil.rmtree(folder)


@pytest.fixture
def on_postgres(home: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database of the test's own on that server for the registry; no schema in it yet."""
    import psycopg

    name = f"modelport_{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"'.encode())
    monkeypatch.setenv("MODELPORT_DATABASE_URL", f"{postgres}/{name}")
    monkeypatch.setenv("MODELPORT_PEPPER", "p" * 32)
    monkeypatch.setenv("MODELPORT_JWT_KEYS", f"one:{'j' * 32}")
    settings.cache_clear()
    yield
    database.dispose()
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
