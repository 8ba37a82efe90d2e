"""A real hub: exported models, `modelport serve` with two workers, its own home. Made once, stopped at the end."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import joblib
import psutil
import pytest
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sqlmodel import Session, select

from registry import catalog, database
from registry.settings import settings
from registry.traffic import ApiRequest
from tests.serving.callers import post, speak
from tests.serving.callers import status as status_of

ROOT = Path(__file__).parent.parent.parent
WINE = "/api/predict/wine"
PATIENCE = 30.0  # seconds; what is promised in seconds is measured, not tested: machines are busy


class Store:
    """A home of the platform with what was exported into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a command that works on this home, and no other setting."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MODELPORT_")}
        homes = {"HOME": self.folder, "MODELPORT_HOME": self.folder / "home", "BENTOML_HOME": self.folder / "bentoml"}
        many = {"MODELPORT_UNAUTHENTICATED_RATE_LIMIT": "1000000/minute"}  # many tests, one address
        return {**inherited, **many, **{name: str(path) for name, path in homes.items()}}

    def modelport(self, *arguments: str) -> Any:
        """Run a command; the JSON it prints."""
        command = [sys.executable, "-m", "cli.main", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else None

    def export(self, model: object, name: str, *options: str) -> str:
        """Export a model; the key of its endpoint."""
        path = self.folder / f"{name}.joblib"
        joblib.dump(model, path)
        key: str = self.modelport("export", str(path), "--allow-pickle", "-o", "json", *options)["api_key"]
        return key

    def new_key(self, *options: str) -> dict[str, str]:
        """A new key: its `id` and its text as `api_key`."""
        made: dict[str, str] = self.modelport("keys", "create", "-o", "json", *options)
        return made

    @contextmanager
    def session(self) -> Iterator[Session]:
        """The registry, for this test process."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MODELPORT_HOME", str(self.folder / "home"))
            settings.cache_clear()
            try:
                with database.session() as opened:
                    yield opened
            finally:
                database.dispose()
                settings.cache_clear()


class Server:
    """A served process tree and a client for it."""

    def __init__(self, store: Store, key: str, command: list[str], port: int, log: Path, **settings: str) -> None:
        self.store, self.key, self.url, self.log_file = store, key, f"http://127.0.0.1:{port}", log
        self.port = port
        environment = store.environment | {"MODELPORT_PORT": str(port), **settings}
        with log.open("w") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        self.client = httpx.Client(verify=False, base_url=self.url, timeout=30, headers={"X-API-Key": key})

    def wait_until_ready(self) -> None:
        """Wait for the first answer."""
        deadline = monotonic() + 90
        while True:
            assert self.process.poll() is None and monotonic() < deadline, self.log_file.read_text()
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                sleep(0.1)

    def workers(self) -> list[psutil.Process]:
        """The worker processes."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "_bentoml_impl.worker" in " ".join(child.cmdline())]

    def stop(self) -> None:
        """Stop it as an operator does, and wait until it is gone."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            finally:
                if self.process.poll() is None:
                    os.killpg(self.process.pid, signal.SIGKILL)

    def eventually(self, condition: Callable[[], object]) -> None:
        """Wait until something holds."""
        started = monotonic()
        while not condition():
            assert monotonic() - started < PATIENCE, "it did not happen in time"
            sleep(0.02)

    def everywhere(self, row: dict[str, Any], status: int, key: str | None = None, path: str = WINE) -> bool:
        """Whether both workers answer with that status: each new connection goes to either of them."""
        request = post(path, key or self.key, row)
        return all(status_of(speak(self.port, request)) == status for _ in range(8))

    def everywhere_within(self, row: dict[str, Any], status: int, key: str | None = None, path: str = WINE) -> None:
        """Wait until both workers answer with that status, and until those calls are in the log."""
        self.eventually(lambda: self.everywhere(row, status, key, path))
        sleep(0.5)

    def log(self) -> list[ApiRequest]:
        """The request log."""
        with self.store.session() as session:
            return list(session.exec(select(ApiRequest)))

    def set_limit(self, name: str, limit: str | None) -> None:
        """Change an endpoint's limit (None: the platform's), and wait until every worker has heard of it."""
        with self.store.session() as session:
            endpoint = catalog.find_endpoint(session, name)
            assert endpoint is not None
            catalog.set_limit(session, endpoint, limit, actor="user:test")
        sleep(0.5)

    def predict(self, row: dict[str, Any], key: str | None = None, path: str = WINE) -> httpx.Response:
        """One prediction."""
        return self.client.post(path, json=row, headers={"X-API-Key": key} if key else {})


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wine() -> Any:
    """A small forest."""
    data = load_wine(as_frame=True)
    return RandomForestClassifier(n_estimators=10, random_state=0).fit(data.data, data.target)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with the endpoint `wine`, exported once for all test processes, and the key of that endpoint."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "exported"
    shared.mkdir(exist_ok=True)
    key = shared / "key"
    with (shared / "lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        if not key.exists():
            key.write_text(Store(shared).export(wine(), "wine"))
    return shared, key.read_text()


@pytest.fixture(scope="session")
def serve(exported: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start a hub, or another command, over a copy of the exported home; all are stopped at the end."""
    started: list[Server] = []

    def start(*command: str, **settings: str) -> Server:
        folder, port = tmp_path_factory.mktemp("served"), free_port()
        shutil.copytree(exported[0], folder, dirs_exist_ok=True)
        given = [part.format(port=port) for part in command]
        hub = ["-m", "cli.main", "serve", "--port", str(port), "--workers", "2"]
        server = Server(
            Store(folder), exported[1], [sys.executable, *(given or hub)], port, folder / "server.log", **settings
        )
        started.append(server)
        server.wait_until_ready()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def hub(serve: Callable[..., Server]) -> Server:
    """The hub that most tests share."""
    return serve()


@pytest.fixture(scope="session")
def row() -> dict[str, float]:
    """A wine."""
    data = load_wine(as_frame=True)
    return {str(name): float(value) for name, value in data.data.iloc[0].items()}
