"""A model's whole life over HTTP, at a hub with two workers: uploaded, exported, called, changed and deleted."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import psutil
import pytest

from tests.services.uploads.samples import onnx_model
from tests.serving.conftest import Server

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
PASSWORD = "correct horse battery"


class Person:
    """Somebody signed in at a hub."""

    def __init__(self, hub: Server, name: str, role: str) -> None:
        from registry import users
        from registry.accounts import Role
        from services.security.passwords import hash_password

        with hub.store.session() as session:
            users.create_user(
                session, username=name, role=Role(role), password_hash=hash_password(PASSWORD), actor="user:test"
            )
        self.hub = hub
        hub.eventually(lambda: self._sign_in(name).status_code == 200)
        self.token = self._sign_in(name).json()["access_token"]
        sleep(1)  # until both workers have heard of the session

    def _sign_in(self, name: str) -> httpx.Response:
        return httpx.post(f"{self.hub.url}/auth/login", json={"username": name, "password": PASSWORD}, timeout=30)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One call, on a connection of its own: either worker answers."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return httpx.request(method, self.hub.url + path, headers=headers, timeout=200, **options)

    def upload(self, content: bytes, file_name: str, **data: str) -> Any:
        """The model that an upload makes."""
        made = self.ask("POST", "/models/", files={"file": (file_name, content)}, data=data)
        assert made.status_code == 201, made.text
        return made.json()

    def job(self, location: str, until: tuple[str, ...] = ("succeeded", "failed")) -> Any:
        """The job once it has come so far."""
        end = monotonic() + 180
        while True:
            job = self.ask("GET", location).json()
            if job["status"] in until:
                return job
            assert monotonic() < end, job
            sleep(0.5)


def keras_model(folder: Path) -> bytes:
    """A small network."""
    import keras

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.save(folder / "net.keras")
    return (folder / "net.keras").read_bytes()


@pytest.fixture(scope="module")
def hub(serve: Callable[..., Server]) -> Server:
    """A hub of its own, for jobs are counted."""
    return serve(MODELPORT_USER_RATE_LIMIT="100000/minute", MODELPORT_SIGN_IN_RATE_LIMIT="1000/minute")


@pytest.fixture(scope="module")
def olga(hub: Server) -> Person:
    """An operator."""
    return Person(hub, "olga", "operator")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_models_life(hub: Server, olga: Person, tmp_path: Path) -> None:
    def statuses(path: str, key: str, body: Any) -> set[int]:
        return {
            httpx.post(hub.url + path, headers={"X-API-Key": key}, json=body, timeout=30).status_code for _ in range(8)
        }

    sums = olga.upload(onnx_model(), "Sums of four.onnx")
    net = olga.upload(keras_model(tmp_path), "net.keras", name="digits", classes="one,two,three")
    assert (sums["name"], sums["framework"], net["framework"]) == ("sums-of-four", "onnx", "keras")

    asked = [
        olga.ask("POST", f"/api/export/{model['id']}", json={"rate_limit": "1000/minute"}) for model in (sums, net)
    ]
    assert [answer.status_code for answer in asked] == [202, 202]
    jobs = [olga.job(answer.headers["location"]) for answer in asked]
    assert [job["status"] for job in jobs] == ["succeeded", "succeeded"], jobs
    assert jobs[0]["progress"][:2] == ["Checking the file", "Loading the model"]
    keys = [job["result"]["api_key"] for job in jobs]
    assert all(key.startswith("mp_live_") for key in keys)
    assert [olga.ask("GET", job["location"]).json()["result"]["api_key"] for job in jobs] == [None, None]

    path, row = "/api/predict/sums-of-four", {"instances": [[1, 2, 3, 4]]}
    hub.eventually(lambda: statuses(path, keys[0], row) == {200})
    answer = httpx.post(hub.url + path, headers={"X-API-Key": keys[0]}, json=row)
    assert answer.json()["model"] == {"name": "sums-of-four", "version": "1"}
    hub.eventually(lambda: statuses("/api/predict/digits", keys[1], row) == {200})
    shown = olga.ask("GET", f"/models/{net['id']}").json()
    assert shown["exported"] and shown["endpoints"] == ["digits"] and shown["report"]["timings"]
    assert olga.ask("DELETE", f"/models/{net['id']}").status_code == 409

    named = {"Idempotency-Key": "once"}
    made, again = (
        olga.ask("POST", "/api/exports/sums-of-four/regenerate-key", json={}, headers=named) for _ in range(2)
    )
    assert made.status_code == 201 and made.json() == again.json(), again.text
    key = made.json()["api_key"]
    hub.eventually(lambda: statuses(path, keys[0], row) == {401} and statuses(path, key, row) == {200})
    graced = olga.ask("POST", "/api/exports/sums-of-four/regenerate-key", json={"grace": "1h"}).json()["api_key"]
    hub.eventually(lambda: statuses(path, graced, row) == {200})
    assert statuses(path, key, row) == {200}

    limited = olga.ask("PUT", "/api/exports/sums-of-four/limits", json={"rate_limit": "1/hour"})
    assert limited.status_code == 200 and limited.json()["rate_limit"] == "1/hour"
    hub.eventually(lambda: 429 in statuses(path, graced, row))
    off = olga.ask("PUT", "/api/exports/digits/status", json={"status": "inactive", "reason": "retraining"})
    assert off.json()["status_reason"] == "retraining"
    hub.eventually(lambda: statuses("/api/predict/digits", keys[1], row) == {403})

    for name in ("digits", "sums-of-four"):
        assert olga.ask("DELETE", f"/api/exports/{name}").status_code == 204
    hub.eventually(
        lambda: statuses(path, graced, row) == {401} and olga.ask("GET", "/api/exports/digits").status_code == 404
    )
    left = olga.ask("GET", "/models/?framework=keras").json()["items"]
    assert [(row["name"], row["exported"]) for row in left] == [("digits", False)]
    for model in (sums, net):
        assert olga.ask("DELETE", f"/models/{model['id']}").status_code == 204
    uploads = hub.store.folder / "home" / "uploads"
    assert [path for path in uploads.rglob("*") if path.is_file() and path.name != ".writing"] == []
    stores = hub.store.folder / "bentoml"
    assert not any("digits" in str(path) or "sums-of-four" in str(path) for path in stores.rglob("*"))


def at_work(hub: Server) -> psutil.Process:
    """The process that does the export: the one that has started others."""
    end = monotonic() + 60
    while monotonic() < end:
        for child in psutil.Process(hub.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if "services.jobs" in " ".join(child.cmdline()) and child.children():
                    return child
        sleep(0.05)
    raise AssertionError("nobody is at work")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_export_fails_with_a_reason_and_the_next_one_works(hub: Server, olga: Person) -> None:
    model = olga.upload(onnx_model(5.0), "fives.onnx")
    killed, queued = (olga.ask("POST", f"/api/export/{model['id']}").headers["location"] for _ in range(2))
    at_work(hub).kill()

    job = olga.job(killed)
    assert (job["status"], job["result"]) == ("failed", None) and "the server ended" in job["error"]
    assert olga.job(queued)["status"] == "succeeded"
    assert olga.job(killed)["error"] == job["error"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_export_ends_with_its_worker_and_predictions_go_on(hub: Server, olga: Person, row: dict[str, float]) -> None:
    model = olga.upload(onnx_model(6.0), "sixes.onnx")
    location = olga.ask("POST", f"/api/export/{model['id']}").headers["location"]
    process = at_work(hub)
    worker = process.parent()
    assert worker is not None
    worker.kill()
    hub.eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    hub.eventually(lambda: hub.predict(row).status_code == 200)

    job = olga.job(location)
    assert job["status"] == "failed" and "the server ended" in job["error"]
