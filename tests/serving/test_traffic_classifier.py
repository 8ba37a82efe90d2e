"""The worked system, as its README says: trained, exported, served by the hub and by itself."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bentos.traffic_classifier.service import EXAMPLE
from tests.serving.conftest import ROOT, Server, Store, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PATH = "/traffic/classify"
FOLDER = ROOT / "bentos" / "traffic_classifier"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A home in which the classifier was trained."""
    made = Store(tmp_path_factory.mktemp("traffic"))
    train = [sys.executable, "-m", "bentos.traffic_classifier.train", "--rows", "2000"]
    subprocess.run(train, cwd=ROOT, env=made.environment, check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def exported(store: Store) -> dict[str, Any]:
    """What `modelport export` printed."""
    printed: dict[str, Any] = store.modelport("export", str(FOLDER), "-o", "json")
    return printed


@pytest.fixture(scope="module")
def start(store: Store, exported: dict[str, Any]) -> Iterator[Callable[..., Server]]:
    """Serve that home by some command."""
    started: list[Server] = []

    def run(*command: str) -> Server:
        port = free_port()
        arguments = [sys.executable, "-m", *(part.format(port=port) for part in command)]
        server = Server(store, exported["api_key"], arguments, port, store.folder / f"{port}.log")
        started.append(server)
        server.wait_until_ready()
        return server

    yield run
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def servers(start: Callable[..., Server]) -> list[Server]:
    """The hub, and the classifier's own Bento."""
    hub = start("cli.main", "serve", "--port", "{port}")
    alone = start("bentoml", "serve", "traffic_classifier:latest", "--port", "{port}")
    return [hub, alone]


CALLS: dict[str, Any] = {
    "a flow": EXAMPLE,
    "a flow without answers": {**EXAMPLE, "packets_down": 0, "bytes_down": 0, "packet_size_mean_down": None},
    "a missing field": {name: value for name, value in EXAMPLE.items() if name != "protocol"},
    "an unknown field": {**EXAMPLE, "colour": "red"},
    "an unknown category": {**EXAMPLE, "protocol": "icmp"},
    "a negative count": {**EXAMPLE, "packets_up": -1},
    "text for a number": {**EXAMPLE, "duration_s": "24"},
    "a list": [EXAMPLE],
}


@pytest.mark.parametrize("body", CALLS.values(), ids=CALLS)
def test_the_hub_and_its_own_bento_answer_the_same(servers: list[Server], body: Any) -> None:
    answers = [server.client.post(PATH, json=body) for server in servers]
    assert answers[0].status_code == answers[1].status_code
    contents = [answer.json() for answer in answers]
    for content, answer in zip(contents, answers, strict=True):
        assert content.pop("request_id") == answer.headers["x-request-id"]
    assert contents[0] == contents[1]


def test_a_flow_is_classified_with_a_probability_for_each_class(
    servers: list[Server], exported: dict[str, Any]
) -> None:
    answer = servers[0].client.post(PATH, json=EXAMPLE).json()
    assert answer["classification"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["model"]["name"] == "traffic_classifier"


def test_what_is_missing_is_named(servers: list[Server]) -> None:
    answer = servers[1].client.post(PATH, json=CALLS["a missing field"])
    assert (answer.status_code, answer.json()["error"]["details"]) == (400, {"missing_fields": ["protocol"]})


def test_without_a_key_nothing_is_answered(servers: list[Server]) -> None:
    assert [server.client.post(PATH, json=EXAMPLE, headers={"X-API-Key": ""}).status_code for server in servers] == [
        401,
        401,
    ]


def test_the_document_describes_its_route_with_an_example_that_works(servers: list[Server]) -> None:
    for server in servers:
        operation = server.client.get("/openapi.json").json()["paths"][PATH]["post"]
        example = operation["requestBody"]["content"]["application/json"]["example"]
        assert server.client.post(PATH, json=example).status_code == 200


@pytest.mark.slow
def test_the_same_again_makes_nothing_new(store: Store, exported: dict[str, Any]) -> None:
    again = store.modelport("export", str(FOLDER), "-o", "json")
    assert (again["api_key"], again["bento"]) == (None, exported["bento"])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_bento_serves_in_an_environment_that_has_only_what_it_asks_for(
    store: Store, exported: dict[str, Any], tmp_path: Path
) -> None:
    """No Modelport installed, an empty BentoML home: what a container has."""
    bento, python, uv = tmp_path / "traffic.bento", tmp_path / "venv/bin/python", Path(sys.executable).parent / "uv"

    def run(*command: object) -> None:
        subprocess.run([str(part) for part in command], env=store.environment, cwd=tmp_path, check=True)

    run(sys.executable, "-m", "bentoml", "export", exported["bento"], bento)
    run(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    source = store.folder / "bentoml/bentos" / exported["bento"].replace(":", "/")
    run(uv, "pip", "install", "--quiet", "--python", python, "-r", source / "env/python/requirements.txt")
    port = free_port()
    environment = {**store.environment, "BENTOML_HOME": str(tmp_path / "bentoml")}
    subprocess.run([str(python), "-m", "bentoml", "import", str(bento)], env=environment, cwd=tmp_path, check=True)

    class Elsewhere(Store):
        @property
        def environment(self) -> dict[str, str]:
            return environment

    command = [str(python), "-m", "bentoml", "serve", exported["bento"], "--port", str(port)]
    server = Server(Elsewhere(tmp_path), exported["api_key"], command, port, tmp_path / "server.log")
    try:
        server.wait_until_ready()
        assert server.client.post(PATH, json=EXAMPLE).status_code == 200
    finally:
        server.stop()
