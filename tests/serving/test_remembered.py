"""A hand-written service that remembers its predictions, served for real: by the hub with two workers, and alone."""

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from registry.accounts import User
from registry.predictions import Prediction
from tests.services.exporting.test_service import BENTOFILE, write
from tests.serving.conftest import ROOT, Server, Store, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SERVICE = """
import base64
from pathlib import Path

import bentoml
from pydantic import BaseModel, Field

from services.guarded import GuardedService
from services.remember import remember


class Pictures(BaseModel):
    images: list[str] = Field(examples=[["aGVsbG8="]])


@bentoml.service(service_class=GuardedService)
class Looker:
    @bentoml.api(route="/look/images", input_spec=Pictures)
    def look(self, images: list[str]) -> list[str]:
        "Look at images."
        return [seen(base64.b64decode(image), "../holiday/a b.png") for image in images]

    @bentoml.api(route="/look/file")
    def look_at_file(self, file: Path) -> str:
        "Look at a file."
        return seen(file.read_bytes(), file.name)


def seen(image: bytes, name: str) -> str:
    return remember(category="bright", confidence=0.75, probabilities={"bright": 0.75}, filename=name, image=image)
"""
PATH = "/look/images"
MARKER = b"what only the client should see"
IMAGE = b"\x89PNG\r\n\x1a\n" + MARKER
PASSWORD = "correct horse battery"
KEEPING = {"MODELPORT_KEEP_IMAGES": "true", "MODELPORT_RATE_LIMIT": "100000/minute"}


def body(count: int) -> dict[str, list[str]]:
    """So many images; no two are alike."""
    return {"images": [base64.b64encode(IMAGE + bytes([number])).decode() for number in range(count)]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A home to which the service was exported."""
    made = Store(tmp_path_factory.mktemp("remembered"))
    folder = write(made.folder / "looker", SERVICE, BENTOFILE.replace("Adder", "Looker"))
    (made.folder / "key").write_text(made.modelport("export", str(folder), "-o", "json")["api_key"])
    return made


@pytest.fixture
def serve(store: Store) -> Iterator[Callable[..., Server]]:
    """Serve that home."""
    started: list[Server] = []

    def run(*command: str, **settings: str) -> Server:
        port = free_port()
        arguments = [sys.executable, "-m", *(part.format(port=port) for part in command)]
        key, log = (store.folder / "key").read_text(), store.folder / f"{port}.log"
        server = Server(store, key, arguments, port, log, **KEEPING, **settings)
        started.append(server)
        server.wait_until_ready()
        return server

    yield run
    for server in started:
        server.stop()


HUB = ("cli.main", "serve", "--port", "{port}", "--workers", "2")


def stored(store: Store) -> list[Prediction]:
    """All that is stored, in its order."""
    with store.session() as session:
        return list(session.exec(select(Prediction).order_by(col(Prediction.created_at), col(Prediction.position))))


def counted(store: Store) -> int:
    """The count of the only user who predicts."""
    with store.session() as session:
        return sum(session.exec(select(User.prediction_count)))


def test_many_calls_at_once_on_two_workers_are_stored_and_counted_exactly(
    store: Store, serve: Callable[..., Server]
) -> None:
    server, before = serve(*HUB), (len(stored(store)), counted(store))

    def call(number: int) -> list[str]:
        with httpx.Client(base_url=server.url, timeout=60, headers={"X-API-Key": server.key}) as client:
            answer = client.post(PATH, json=body(number % 4 + 1))
            assert answer.status_code == 200, answer.text
            ids: list[str] = answer.json()
            return ids

    with ThreadPoolExecutor(16) as pool:
        ids = [id for answered in pool.map(call, range(200)) for id in answered]
    assert server.client.post(PATH, json={"images": [*body(1)["images"], "x"]}).status_code == 500
    server.eventually(lambda: len(stored(store)) >= before[0] + 500)
    server.stop()

    assert len(ids) == 500 and set(ids) <= {one.id for one in stored(store)}
    assert (len(stored(store)), counted(store)) == (before[0] + 500, before[1] + 500)


def test_an_image_is_fetched_by_its_owner_until_the_key_is_another(store: Store, serve: Callable[..., Server]) -> None:
    server = serve(*HUB)
    [id] = server.client.post(PATH, json=body(1)).json()
    server.eventually(lambda: id in {one.id for one in stored(store)})
    with store.session() as session:
        [prediction] = session.exec(select(Prediction).where(Prediction.id == id))
        assert (prediction.filename, prediction.predicted_category) == ("a b.png", "bright")
    create_admin(store)
    token = signed_in(server)
    server.eventually(lambda: server.client.get(f"/predictions/{id}/image", headers=token).status_code == 200)
    answer = server.client.get(f"/predictions/{id}/image", headers=token)
    assert answer.content == IMAGE + b"\0" and answer.headers["content-type"] == "image/png"
    files = [path for path in (store.folder / "home").rglob("*") if path.is_file()]
    assert not [path for path in files if MARKER in path.read_bytes()]
    server.stop()

    other = serve(*HUB, MODELPORT_IMAGE_KEY="another" * 5)
    refused = other.client.get(f"/predictions/{id}/image", headers=signed_in(other))
    assert refused.status_code == 503 and "another key" in refused.json()["error"]["message"]
    assert "Traceback" not in other.log_file.read_text()


def test_a_file_in_a_form_is_remembered_by_the_service_alone(store: Store, serve: Callable[..., Server]) -> None:
    server = serve("bentoml", "serve", "looker:latest", "--port", "{port}")
    answer = server.client.post("/look/file", files={"file": ("my cat.png", IMAGE)})
    assert answer.status_code == 200, answer.text
    server.eventually(lambda: answer.text.strip('"') in {one.id for one in stored(store)})


def create_admin(store: Store) -> None:
    """Someone who may see everything."""
    create = [sys.executable, "-m", "cli.main", "users", "create", "ada", "--role", "admin", "--password-stdin"]
    subprocess.run(create, cwd=ROOT, env=store.environment, check=True, input=PASSWORD, text=True, capture_output=True)


def signed_in(server: Server) -> dict[str, Any]:
    """Credentials of the admin."""
    server.eventually(lambda: login(server).status_code == 200)
    return {"Authorization": f"Bearer {login(server).json()['access_token']}", "X-API-Key": ""}


def login(server: Server) -> httpx.Response:
    return httpx.post(f"{server.url}/auth/login", json={"username": "ada", "password": PASSWORD}, timeout=30)
