"""The worked system, as its README says: trained, exported, served by the hub and by itself."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import joblib
import pytest

from bentos.traffic_classifier.data import generate
from bentos.traffic_classifier.features import NAMES
from bentos.traffic_classifier.service import CODES, EXAMPLE, Flow
from services.inference.positional import Positional
from tests.serving.conftest import ROOT, Server, Store, free_port
from tests.serving.elsewhere import served_elsewhere

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PATH = "/traffic/classify"
FOLDER = ROOT / "bentos" / "traffic_classifier"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A home in which the classifier was trained."""
    made = Store(tmp_path_factory.mktemp("traffic"))
    out = ["--out", str(made.folder / "trained")]
    train = [sys.executable, "-m", "bentos.traffic_classifier.train", "--rows", "2000", *out]
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


LISTED = Positional(Flow, CODES).listed(EXAMPLE)

CALLS: dict[str, Any] = {
    "a flow": EXAMPLE,
    "a list": {"features": LISTED},
    "a batch": {"instances": [EXAMPLE, LISTED, {**EXAMPLE, "protocol": "tcp"}]},
    "a flow without answers": {**EXAMPLE, "packets_down": 0, "bytes_down": 0, "packet_size_mean_down": None},
    "a missing field": {name: value for name, value in EXAMPLE.items() if name != "protocol"},
    "an unknown field": {**EXAMPLE, "colour": "red"},
    "an unknown category": {**EXAMPLE, "protocol": "icmp"},
    "a negative count": {**EXAMPLE, "packets_up": -1},
    "text for a number": {**EXAMPLE, "duration_s": "24"},
    "flows without a name": [EXAMPLE],
    "a short list": {"features": LISTED[1:]},
    "a wrong code": {"features": [7, *LISTED[1:]]},
    "a wrong value in a batch": {"instances": [LISTED, {**EXAMPLE, "packets_up": -1}]},
    "two forms": {"features": LISTED, "instances": [LISTED]},
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


def test_the_pipeline_in_python_gives_the_same_numbers(store: Store, servers: list[Server]) -> None:
    """In batches of flows by name and in lists of numbers, of the hub and of the Bento by itself."""
    pipeline = joblib.load(store.folder / "trained" / "traffic_classifier.joblib")
    fresh = generate(300, 11)[NAMES]
    flows = [
        {str(name): None if value != value else value for name, value in record.items()}
        for record in fresh.to_dict("records")
    ]
    listed = [Positional(Flow, CODES).listed(flow) for flow in flows]
    for server in servers:
        for instances in (flows, listed):
            predictions = server.client.post(PATH, json={"instances": instances}).json()["predictions"]
            assert [each["classification"] for each in predictions] == pipeline.predict(fresh).tolist()
            chances = [list(each["probabilities"].values()) for each in predictions]
            assert chances == pipeline.predict_proba(fresh).tolist()


def test_a_flow_has_one_answer_in_every_form(servers: list[Server]) -> None:
    for server in servers:
        by_name, listed, batch = (
            server.client.post(PATH, json=body).json() for body in (EXAMPLE, *map(CALLS.get, ("a list", "a batch")))
        )
        assert by_name.pop("request_id") != listed.pop("request_id")
        assert by_name == listed
        assert batch["predictions"][0] == batch["predictions"][1]
        assert {**batch["predictions"][0], "model": batch["model"]} == by_name


def test_a_mistake_is_told_at_its_place(servers: list[Server]) -> None:
    said = {
        "a short list": "features: needs 15 values, not 14",
        "a wrong code": "features[0]: Input should be one of 'tcp' (6), 'udp' (17)",
        "a wrong value in a batch": "instances[1].packets_up: Input should be greater than or equal to 1",
    }
    for name, message in said.items():
        answer = servers[0].client.post(PATH, json=CALLS[name])
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


def test_another_service_reaches_it_with_keywords(store: Store, servers: list[Server], tmp_path: Path) -> None:
    """As the README of BentoML's `depends` has it: in a process of its own, called over a socket."""
    (tmp_path / "asks.py").write_text(ASKS)
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "bentoml",
        "serve",
        "asks:Asks",
        "--working-dir",
        str(tmp_path),
        "--port",
        str(port),
    ]
    environment = store.environment | {"PYTHONPATH": str(ROOT), "BENTOML_HOME": str(tmp_path / "bentoml")}
    (tmp_path / "bentoml").mkdir()
    (tmp_path / "bentoml" / "models").symlink_to(store.folder / "bentoml" / "models")
    log = tmp_path / "asks.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        while httpx_status(f"{url}/readyz") != 200:
            assert process.poll() is None, log.read_text()
            sleep(0.2)
        asked = httpx.post(f"{url}/ask", json={"body": EXAMPLE}, timeout=30).json()
        batch = httpx.post(f"{url}/ask", json={"body": CALLS["a batch"]}, timeout=30).json()
    finally:
        process.terminate()
        process.wait(60)
    answers = [servers[0].client.post(PATH, json=body).json() for body in (EXAMPLE, CALLS["a batch"])]
    for found, answer in zip((asked, batch), answers, strict=True):
        assert found | {"request_id": ""} == answer | {"request_id": ""}


ASKS = """
from typing import Any
import bentoml
from bentos.traffic_classifier.service import TrafficClassifier

@bentoml.service
class Asks:
    classifier = bentoml.depends(TrafficClassifier)

    @bentoml.api
    def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.classifier.classify(**body).model_dump()
"""


def httpx_status(url: str) -> int:
    """The status, or 0 where nobody answers yet."""
    try:
        return httpx.get(url, timeout=2).status_code
    except httpx.TransportError:
        return 0


def test_what_is_missing_is_named(servers: list[Server]) -> None:
    answer = servers[1].client.post(PATH, json=CALLS["a missing field"])
    assert (answer.status_code, answer.json()["error"]["details"]) == (400, {"missing_fields": ["protocol"]})


def test_without_a_key_nothing_is_answered(servers: list[Server]) -> None:
    assert [server.client.post(PATH, json=EXAMPLE, headers={"X-API-Key": ""}).status_code for server in servers] == [
        401,
        401,
    ]


def test_the_document_describes_its_route_with_an_example_of_each_form(servers: list[Server]) -> None:
    for server in servers:
        document = server.client.get("/openapi.json").json()
        content = document["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]
        forms = [
            document["components"]["schemas"][way["$ref"].rpartition("/")[2]] for way in content["schema"]["oneOf"]
        ]
        assert content["example"] == EXAMPLE and len(forms) == 3
        for example in [content["example"], *(form["examples"][0] for form in forms)]:
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
    with served_elsewhere(store, exported["bento"], exported["api_key"], tmp_path) as server:
        assert server.client.post(PATH, json=EXAMPLE).status_code == 200
