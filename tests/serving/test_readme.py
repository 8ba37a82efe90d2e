"""What the README shows is what the commands print and the server answers, but for keys, ids and probabilities."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.serving.conftest import ROOT, Server, Store, free_port

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text()
CURL = r"^curl http://127\.0\.0\.1:3000(\S+) -H \"X-API-Key: \$KEY\".*\n +-d '(.*)'$"


def block(language: str, containing: str) -> str:
    """The README's only block of code in that language with that text."""
    (found,) = [text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if containing in text]
    return str(found)


def masked(text: str) -> str:
    """Printed text without what is new each time."""
    text = re.sub(r"mp_live_[0-9A-Za-z]{12}_[0-9A-Za-z]+(_[0-9A-Za-z]{6}|…)", "<key>", text)
    return re.sub(r"\bv[0-9a-f]{8}\b", "<version>", text)


def shape(value: Any) -> Any:
    """A JSON document with its numbers and request ids replaced by what they are."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value):
        return "an id"
    return "a probability" if isinstance(value, float) and 0 <= value <= 1 else value


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A machine with the README's two files."""
    store = Store(tmp_path_factory.mktemp("readme"))
    data = pd.DataFrame({"age": range(20, 60), "plan": ["free", "pro"] * 20})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough"), LogisticRegression()
    )
    model.fit(data, ["leaves" if age < 30 else "stays" for age in data["age"]])
    data.to_csv(store.folder / "rows.csv", index=False)
    joblib.dump(model, store.folder / "churn.joblib")
    return store


@pytest.fixture(scope="module")
def printed(store: Store) -> str:
    """What the README's `export` printed."""
    (words,) = re.findall(r"^\$ modelport (export .*)$", block("console", "serve\n"), re.MULTILINE)
    command = [sys.executable, "-m", "cli.main", *words.split(), "--allow-pickle"]
    environment = store.environment | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=store.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def hub(store: Store, printed: str) -> Iterator[Server]:
    """The hub with what was exported."""
    (key,) = re.findall(r"^api_key +(\S+)$", printed, re.MULTILINE)
    port = free_port()
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port)]
    server = Server(store, key, command, port, store.folder / "server.log")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def test_export_prints_what_is_shown(printed: str) -> None:
    shown = [line for line in block("console", "serve\n").splitlines() if not line.startswith("$")]
    assert masked(printed).splitlines() == masked("\n".join(shown)).splitlines()


def test_the_call_gets_the_answer_that_is_shown(hub: Server) -> None:
    ((path, body),) = re.findall(CURL, README, re.MULTILINE)
    answer = hub.client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert shape(answer.json()) == shape(json.loads(block("json", "predictions")))


def test_the_error_is_the_one_that_is_shown(hub: Server) -> None:
    answer = hub.predict({"plan": "pro"}, path="/api/predict/churn")
    assert answer.status_code == 400
    assert shape(answer.json()) == shape(json.loads(block("json", "error")))


def test_the_other_bodies_that_are_shown_are_taken(hub: Server) -> None:
    (many,) = re.findall(r"`(\{\"instances\": [^`]*\})`", README)
    assert len(hub.client.post("/api/predict/churn", json=json.loads(many)).json()["predictions"]) == 2


def test_the_key_that_is_revoked_is_the_one_that_was_shown() -> None:
    (shown,) = re.findall(r"mp_live_([0-9A-Za-z]{12})_", README)
    assert re.findall(r"modelport keys revoke (\S+)", README) == [shown]
