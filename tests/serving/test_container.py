"""A worked system in a container, for real: built on a base made of this machine's parts, run by the printed line, stopped."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, NamedTuple

import httpx
import joblib
import pandas as pd
import pytest
from sqlmodel import select

from bentos.traffic_classifier.features import NAMES
from bentos.traffic_classifier.service import EXAMPLE
from registry.traffic import ApiRequest
from tests.serving.conftest import ROOT, Store, free_port
from tests.serving.containers import Podman, require

NAME, PATH = "traffic_classifier", "/traffic/classify"
BASE = "localhost/base-of-this-machine"
pytestmark = pytest.mark.timeout(900)


class Built(NamedTuple):
    """An endpoint's image, and what the command said of it."""

    podman: Podman
    store: Store
    key: str
    port: int
    said: dict[str, Any]
    progress: str


def containerize(podman: Podman, store: Store, port: int, *options: str) -> "subprocess.CompletedProcess[str]":
    """The command as a user runs it."""
    command = [sys.executable, "-m", "cli.main", "containerize", NAME, "--backend", "podman", *options]
    environment = store.environment | podman.environment | {"MODELPORT_PORT": str(port)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=800)


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    require()
    made = Podman(tmp_path_factory.mktemp("podman"))
    yield made
    made.remove()


@pytest.fixture(scope="module")
def built(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Built:
    store, port = Store(tmp_path_factory.mktemp("containerized")), free_port()
    train = [sys.executable, "-m", f"bentos.{NAME}.train", "--rows", "2000", "--out", str(store.folder / "trained")]
    subprocess.run(train, cwd=ROOT, env=store.environment, check=True, capture_output=True)
    folder = str(ROOT / "bentos" / NAME)
    key = store.modelport("export", folder, "--rate-limit", "1000000/minute", "-o", "json")["api_key"]
    podman.make_base(BASE)
    done = containerize(podman, store, port, "--base", BASE, "-o", "json")
    assert done.returncode == 0, done.stderr
    return Built(podman, store, key, port, json.loads(done.stdout), done.stderr)


@pytest.fixture
def served(built: Built) -> Iterator["subprocess.Popen[bytes]"]:
    """The image run by the very line that was printed, until the test has stopped it."""
    environment = built.store.environment | built.podman.environment
    process = subprocess.Popen(["bash", "-c", f"exec {built.said['run']}"], env=environment)
    url, deadline = f"http://127.0.0.1:{built.port}/readyz", monotonic() + 180
    try:
        while not ready(url):
            assert process.poll() is None and monotonic() < deadline
            sleep(0.2)
        yield process
    finally:
        process.kill()
        process.wait()


def ready(url: str) -> bool:
    """Whether the server says so."""
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def test_the_image_is_there_and_its_steps_were_told(built: Built) -> None:
    bento, image = built.said["bento"], built.said["image"]
    assert image == bento == f"{NAME}:{image.partition(':')[2]}"
    assert built.said["size"].endswith("MB")
    assert f"Building {image} with podman" in built.progress
    assert any(f"RUN {words}" in built.progress for words in ("if [ -d ./src ]", "uv --directory"))
    assert len(built.progress.splitlines()) < 20


def test_without_a_registry_it_refuses_to_start_in_one_line(built: Built) -> None:
    said = built.podman("run", "--rm", built.said["image"], code=1)
    assert "modelport: this server needs the registry that holds its API keys" in said
    assert "Traceback" not in said


def test_it_predicts_refuses_and_stops_without_losing_a_row(built: Built, served: "subprocess.Popen[bytes]") -> None:
    client = httpx.Client(base_url=f"http://127.0.0.1:{built.port}", timeout=30)
    headers = {"X-API-Key": built.key}

    answer = client.post(PATH, json=EXAMPLE, headers=headers)
    pipeline = joblib.load(built.store.folder / "trained" / f"{NAME}.joblib")
    (expected,) = pipeline.predict_proba(pd.DataFrame([EXAMPLE])[NAMES])
    assert list(answer.json()["probabilities"].values()) == pytest.approx(expected, abs=1e-6)
    assert client.post(PATH, json=EXAMPLE).status_code == 401

    installed = built.podman(
        "exec", f"modelport-{NAME}", "ls", "/app/.venv/lib/" + Path(os.__file__).parent.name + "/site-packages"
    )
    assert "onnxruntime" in installed
    assert not {"tensorflow", "sklearn", "keras"} & set(installed.split())

    seen, enough = [answer.json()["request_id"]], Event()
    caller = Thread(target=call_until_it_is_gone, args=(client, headers, seen, enough))
    caller.start()
    assert enough.wait(30)
    built.podman("stop", f"modelport-{NAME}")
    caller.join(30)

    assert served.wait(30) in (0, 143)  # 137 would be the end by force, after the grace
    with built.store.session() as session:
        written = set(session.exec(select(ApiRequest.request_id)))
    assert set(seen) <= written


def call_until_it_is_gone(client: httpx.Client, headers: dict[str, str], seen: list[str], enough: Event) -> None:
    """Predict again and again; the ids of the answers that came."""
    while True:
        try:
            answer = client.post(PATH, json=EXAMPLE, headers=headers)
        except httpx.TransportError:
            return enough.set()
        assert answer.status_code == 200
        seen.append(answer.json()["request_id"])
        if len(seen) > 50:
            enough.set()


def test_a_base_image_that_does_not_exist_ends_in_the_builders_own_words(built: Built) -> None:
    done = containerize(built.podman, built.store, built.port, "--base", "localhost:1/nothing/there", "--tag", "none:1")
    assert done.returncode == 1
    assert done.stdout == ""
    *_, reason, last = done.stderr.splitlines()
    assert "localhost:1/nothing/there" in done.stderr and reason.startswith("  Error: ")
    assert last == "modelport: podman could not build none:1; its last lines stand above"
    assert "Traceback" not in done.stderr
