"""The worked system, as its README says: trained, exported, served by the hub and by itself, as Keras itself answers."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from bentos.game_classifier.data import SCENES
from registry.predictions import Prediction
from tests.services.descriptions.language_models import KEY, Asked, Wire, both, language_model
from tests.serving.conftest import ROOT, Server, Store, free_port
from tests.serving.elsewhere import served_elsewhere

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ONE, MANY = "/predict/image", "/predict/images"
FOLDER = ROOT / "bentos" / "game_classifier"
ASK_KERAS = """
import json, sys
from pathlib import Path
import keras, numpy as np
from bentos.game_classifier.data import SIDE
from services.inference.images import pixels_of

files = sorted(Path(sys.argv[1]).glob("*.jpg"))
images = np.stack([pixels_of(file.read_bytes(), SIDE, SIDE) for file in files])
chances = keras.saving.load_model(Path(sys.argv[1]) / "model.keras").predict(images, verbose=0)
print(json.dumps(dict(zip([file.name for file in files], chances.tolist(), strict=True))))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A home in which the classifier was trained, on very little; `out` has what it wrote."""
    made = Store(tmp_path_factory.mktemp("games"))
    train = [sys.executable, "-m", "bentos.game_classifier.train", "--weights", "none", "--count", "60"]
    done = subprocess.run(
        [*train, "--out", str(made.folder / "out")], cwd=ROOT, env=made.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def exported(store: Store) -> dict[str, Any]:
    """What `modelport export` printed."""
    printed: dict[str, Any] = store.modelport("export", str(FOLDER), "-o", "json")
    return printed


@pytest.fixture(scope="module")
def servers(store: Store, exported: dict[str, Any]) -> Iterator[list[Server]]:
    """The hub, and the classifier's own Bento."""
    started: list[Server] = []
    for command in (["cli.main", "serve"], ["bentoml", "serve", "game_classifier:latest"]):
        port = free_port()
        arguments = [sys.executable, "-m", *command, "--port", str(port)]
        started.append(Server(store, exported["api_key"], arguments, port, store.folder / f"{port}.log"))
    for server in started:
        server.wait_until_ready()
    yield started
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def shots(store: Store) -> dict[str, bytes]:
    """A screenshot of each category, by its file's name."""
    return {f"{name}.jpg": (store.folder / "out" / f"{name}.jpg").read_bytes() for name in SCENES}


def of(answer: dict[str, Any]) -> dict[str, Any]:
    """What must be the same whoever answers."""
    return {name: answer[name] for name in ("category", "confidence", "probabilities") if name in answer}


def test_the_hub_its_own_bento_and_keras_answer_the_same(
    servers: list[Server], store: Store, shots: dict[str, bytes]
) -> None:
    asked = [sys.executable, "-c", ASK_KERAS, str(store.folder / "out")]
    keras = json.loads(subprocess.run(asked, cwd=ROOT, env=store.environment, capture_output=True, check=True).stdout)
    for name, data in shots.items():
        hub, alone = (server.client.post(ONE, files={"file": (name, data)}).json() for server in servers)
        assert of(hub) == of(alone)
        assert list(hub["probabilities"]) == list(SCENES)
        assert list(hub["probabilities"].values()) == pytest.approx(keras[name], rel=1e-4, abs=1e-6)
        assert hub["category"] == max(hub["probabilities"], key=hub["probabilities"].get)
        assert hub["confidence"] == hub["probabilities"][hub["category"]]


def test_several_are_answered_as_each_alone(servers: list[Server], shots: dict[str, bytes]) -> None:
    name, data = next(iter(shots.items()))
    files = [("files", (name, data)), ("files", ("bad.jpg", b"\xff\xd8\xff nothing"))]
    for server in servers:
        answer = server.client.post(MANY, files=files)
        assert answer.status_code == 200
        good, bad = answer.json()["results"]
        alone = server.client.post(ONE, files={"file": (name, data)}).json()
        assert good["probabilities"] == pytest.approx(alone["probabilities"], rel=1e-4, abs=1e-6)
        assert (good["filename"], bad["filename"], bad["error"]["code"]) == (name, "bad.jpg", "INVALID_INPUT")


Form = dict[str, Any]
TEXT = ("notes.txt", b"hello")
BAD: dict[str, tuple[str, Form, int, str]] = {
    "no body": (ONE, {}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    "JSON": (ONE, {"json": {"file": "x"}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    "no file": (ONE, {"files": {"describe": (None, "openai")}}, 400, "INVALID_INPUT"),
    "text for a file": (ONE, {"files": {"file": (None, "http://127.0.0.1/x.png")}}, 400, "INVALID_INPUT"),
    "another field": (ONE, {"files": {"image": TEXT}}, 400, "INVALID_INPUT"),
    "no image": (ONE, {"files": {"file": TEXT}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    "nothing in it": (ONE, {"files": {"file": ("empty.png", b"")}}, 400, "INVALID_INPUT"),
    "cut off": (ONE, {"files": {"file": ("a.png", b"\x89PNG\r\n\x1a\n")}}, 400, "INVALID_INPUT"),
    "an unknown provider": (
        ONE,
        {"files": {"file": ("a.jpg", "SHOT"), "describe": (None, "somebody")}},
        400,
        "INVALID_INPUT",
    ),
    "too large": (ONE, {"files": {"file": ("a.jpg", b"\xff\xd8\xff" + bytes(10_200_000))}}, 413, "PAYLOAD_TOO_LARGE"),
    "no files": (MANY, {"files": [("describe", (None, "x"))]}, 400, "INVALID_INPUT"),
    "33 files": (MANY, {"files": [("files", TEXT)] * 33}, 400, "INVALID_INPUT"),
    "over 50 MB": (MANY, {"files": [("files", ("a.jpg", bytes(8_000_000)))] * 7}, 413, "PAYLOAD_TOO_LARGE"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_has_one_error_and_is_not_stored(
    servers: list[Server], store: Store, shots: dict[str, bytes], name: str
) -> None:
    path, form, status, code = BAD[name]
    if name == "an unknown provider":
        form = {"files": {**form["files"], "file": ("a.jpg", shots["racing.jpg"])}}
    answer = servers[0].client.post(path, **form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set(answer.json()) == {"error", "request_id"}
    request = answer.json()["request_id"]
    servers[0].eventually(lambda: any(row.request_id == request for row in servers[0].log()))
    with store.session() as session:
        assert session.exec(select(Prediction).where(Prediction.request_id == request)).all() == []


def stored(store: Store) -> set[str]:
    """The ids of what is stored."""
    with store.session() as session:
        return {row.id for row in session.exec(select(Prediction))}


def holds(store: Store, ids: set[str]) -> bool:
    """Whether all of these are stored."""
    return ids <= stored(store)


def test_each_prediction_is_stored(servers: list[Server], store: Store, shots: dict[str, bytes]) -> None:
    files = [("files", (name, data)) for name, data in shots.items()] + [("files", TEXT)]
    for server in servers:
        ids: set[str] = {result["prediction_id"] for result in server.client.post(MANY, files=files).json()["results"]}
        assert len(ids) == len(shots) + 1
        server.eventually(partial(holds, store, ids))
    with store.session() as session:
        rows = [row for row in session.exec(select(Prediction)) if row.id in ids]
    assert {row.filename for row in rows} == {*shots, "notes.txt"}
    assert [row.filename for row in rows if row.status == "error"] == ["notes.txt"]


def test_a_key_may_ask_a_hundred_times_an_hour(servers: list[Server], shots: dict[str, bytes]) -> None:
    answer = servers[0].client.post(ONE, files={"file": ("a.jpg", shots["racing.jpg"])})
    assert answer.headers["x-ratelimit-limit"] == "100"
    assert answer.headers["ratelimit-policy"].endswith("q=100;w=3600")


def test_without_a_key_nothing_is_answered(servers: list[Server], shots: dict[str, bytes]) -> None:
    for server in servers:
        files = {"file": ("a.jpg", shots["racing.jpg"])}
        assert server.client.post(ONE, files=files, headers={"X-API-Key": ""}).status_code == 401


def test_a_description_that_cannot_be_had_is_a_reason(servers: list[Server], shots: dict[str, bytes]) -> None:
    form: Form = {"file": ("a.jpg", shots["racing.jpg"]), "describe": (None, "anthropic")}
    for server in servers:
        answer = server.client.post(ONE, files=form)
        assert answer.status_code == 200
        assert (answer.json()["description"], answer.json()["description_reason"]) == (None, "not_configured")


@both
def test_a_prediction_is_put_into_words_and_stands_without_them(
    store: Store, exported: dict[str, Any], shots: dict[str, bytes], wire: Wire
) -> None:
    form: Form = {"file": ("secret-name.jpg", shots["racing.jpg"]), "describe": (None, wire.provider)}

    async def play() -> tuple[list[Any], list[Asked]]:
        async with language_model(wire.says("A race by the sea."), wire.fails(401)) as model:
            name, port = f"MODELPORT_{wire.provider.upper()}", free_port()
            chosen = {f"{name}_API_KEY": KEY, f"{name}_BASE_URL": f"http://127.0.0.1:{model.port}{wire.base}"}
            command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port)]
            log = store.folder / f"{port}.log"
            server = Server(store, exported["api_key"], command, port, log, MODELPORT_DESCRIBE_SECONDS="60", **chosen)
            await asyncio.to_thread(server.wait_until_ready)
            answers = [await asyncio.to_thread(server.client.post, ONE, files=form) for _ in range(2)]
            await asyncio.to_thread(server.stop)
            assert KEY not in log.read_text()
        return [answer.json() for answer in answers], model.asked

    (told, untold), asked = asyncio.run(play())
    assert (told["description"], told["description_reason"]) == ("A race by the sea.", None)
    assert (untold["description"], untold["description_reason"]) == (None, "refused")
    assert of(told) == of(untold)
    assert told["category"] in wire.text_of(asked[0].body) and wire.images_of(asked[0].body) == []
    assert "secret-name" not in json.dumps(asked[0].body)


def test_what_training_wrote(store: Store) -> None:
    assert {path.name for path in (store.folder / "out").iterdir()} == {
        "confusion.png",
        "model.keras",
        "base.weights.h5",
        *(f"{name}.jpg" for name in SCENES),
    }


def test_the_bento_serves_in_an_environment_that_has_only_what_it_asks_for(
    store: Store, exported: dict[str, Any], shots: dict[str, bytes], tmp_path: Path
) -> None:
    with served_elsewhere(store, exported["bento"], exported["api_key"], tmp_path) as server:
        assert server.client.post(ONE, files={"file": ("a.jpg", shots["racing.jpg"])}).status_code == 200
