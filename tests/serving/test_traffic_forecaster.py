"""The forecaster, as its README says: trained, exported, served by the hub and by itself, the same as Keras in Python."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bentos.traffic_forecaster.data import generate
from bentos.traffic_forecaster.series import HORIZON, NAMES
from bentos.traffic_forecaster.service import EXAMPLE
from registry.traffic import ApiRequest
from tests.bentos.test_traffic_forecaster_service import ROWS, WRONG, body
from tests.serving.conftest import ROOT, Server, Store, free_port
from tests.serving.elsewhere import served_elsewhere

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PATH = "/traffic/forecast"
FOLDER = ROOT / "bentos" / "traffic_forecaster"
TRAIN = ["-m", "bentos.traffic_forecaster.train", "--weeks", "2", "--epochs", "2"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A home in which the forecaster was trained; its files are in `out`."""
    made = Store(tmp_path_factory.mktemp("forecaster"))
    command = [sys.executable, *TRAIN, "--out", str(made.folder / "out")]
    done = subprocess.run(command, cwd=ROOT, env=made.environment, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].startswith("traffic_forecaster:") and "seasonal-naive" in done.stdout
    return made


@pytest.fixture(scope="module")
def servers(store: Store) -> Iterator[list[Server]]:
    """The hub, and the forecaster's own Bento."""
    key = store.modelport("export", str(FOLDER), "-o", "json")["api_key"]
    commands = ("cli.main", "serve", "--port"), ("bentoml", "serve", "traffic_forecaster:latest", "--port")
    started: list[Server] = []
    try:
        for command in commands:
            port = free_port()
            arguments = [sys.executable, "-m", *command, str(port)]
            started.append(
                Server(store, key, arguments, port, store.folder / f"{port}.log", MODELPORT_RATE_LIMIT="100000/minute")
            )
            started[-1].wait_until_ready()
        yield started
    finally:
        for server in started:
            server.stop()


def post(server: Server, content: bytes, **headers: str) -> Any:
    """One call."""
    return server.client.post(PATH, content=content, headers={"content-type": "application/json", **headers})


RIGHT = {
    "the example": body(),
    "a day ahead, without a start": body(start=None, horizon=HORIZON),
    "a longer series": body(series=ROWS * 3),
    "a constant series": body(series=[[5, 5, 5]] * 96),
}


@pytest.mark.parametrize("content", [*RIGHT.values(), *(wrong for wrong, _ in WRONG.values())], ids=[*RIGHT, *WRONG])
def test_the_hub_and_its_own_bento_answer_the_same(servers: list[Server], content: bytes) -> None:
    answers = [post(server, content) for server in servers]
    wanted = 200 if content in RIGHT.values() else 400
    assert [answer.status_code for answer in answers] == [wanted, wanted]
    contents = [answer.json() for answer in answers]
    for found in contents:
        found.pop("request_id", None)
    assert contents[0] == contents[1]
    assert wanted == 200 or "error" in contents[0]


def test_the_original_keras_model_gives_the_same_numbers(servers: list[Server], store: Store) -> None:
    import keras

    past = generate(2, 3).to_numpy()[500:596]
    model = keras.saving.load_model(store.folder / "out" / "traffic_forecaster.keras")
    own = model.predict([past[None].astype("float32"), np.array([-1.0], "float32")], verbose=0)[0]
    steps = post(servers[0], json.dumps({"series": past.tolist(), "horizon": HORIZON}).encode()).json()["steps"]
    got = [[[step[name][part] for part in ("mean", "low", "high")] for name in NAMES] for step in steps]
    assert np.allclose(got, own, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"x" * 2_000_001 * 10, {}, 413),
        (body(), {"content-type": "text/csv"}, 415),
        (body(), {"content-encoding": "gzip"}, 415),
        (body(), {"X-API-Key": ""}, 401),
    ],
    ids=["too large", "a CSV", "packed", "without a key"],
)
def test_what_is_no_call_is_refused_in_the_one_shape(
    servers: list[Server], content: bytes, headers: dict[str, str], status: int
) -> None:
    for server in servers:
        answer = post(server, content, **headers)
        assert answer.status_code == status and "error" in answer.json()


def test_the_document_describes_its_route_with_an_example_that_works(servers: list[Server]) -> None:
    for server in servers:
        operation = server.client.get("/openapi.json").json()["paths"][PATH]["post"]
        example = operation["requestBody"]["content"]["application/json"]["example"]
        assert example == EXAMPLE and post(server, json.dumps(example).encode()).status_code == 200


def test_no_call_ended_in_a_fault(servers: list[Server]) -> None:
    """Last: what all of the calls above left in the request log."""
    servers[0].eventually(lambda: servers[0].log())
    rows: list[ApiRequest] = servers[0].log()
    assert rows and all(row.status_code < 500 for row in rows)


def test_the_bento_serves_in_an_environment_that_has_only_what_it_asks_for(
    servers: list[Server], store: Store, tmp_path: Path
) -> None:
    bento = store.modelport("show", "traffic_forecaster", "-o", "json")["bento"]
    with served_elsewhere(store, bento, servers[0].key, tmp_path) as server:
        assert server.client.post(PATH, json=EXAMPLE).status_code == 200
