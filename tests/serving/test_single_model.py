"""One model's own Bento under `bentoml serve` answers as the hub does, and BentoML's client can use it."""

from collections.abc import Callable

import bentoml
import pytest

from services.inference.threads import cores
from tests.serving.callers import post, speak, status
from tests.serving.conftest import WINE, Server

Row = dict[str, float]


@pytest.fixture(scope="module")
def single(serve: Callable[..., Server]) -> Server:
    """`bentoml serve wine:latest` with the home that holds its keys."""
    return serve("-m", "bentoml", "serve", "wine:latest", "--host", "127.0.0.1", "--port", "{port}")


@pytest.mark.parametrize("form", ["row", "instances", "features", "two", "wrong", "empty", "nothing"])
def test_hub_and_bento_give_the_same_answer(hub: Server, single: Server, row: Row, form: str) -> None:
    hub.set_limit("wine", "1000000/minute")
    bodies: dict[str, object] = {
        "row": row,
        "instances": {"instances": [row]},
        "features": {"features": list(row.values())},
        "two": {"instances": [row, {**row, "alcohol": 11.0}]},
        "wrong": {**row, "alcohol": "strong"},
        "empty": {"instances": []},
        "nothing": None,
    }
    answers = [server.client.post(WINE, json=bodies[form]) for server in (hub, single)]

    assert answers[0].status_code == answers[1].status_code == (400 if form in ("wrong", "empty", "nothing") else 200)
    assert without_id(answers[0].json()) == without_id(answers[1].json())


def test_a_bento_by_itself_keeps_to_the_cores_as_well(single: Server) -> None:
    (worker,) = single.workers()
    assert worker.environ()["OMP_NUM_THREADS"] == str(cores())


def without_id(body: dict[str, object]) -> dict[str, object]:
    """An answer but for the part that is never the same."""
    return {name: value for name, value in body.items() if name != "request_id"}


def test_bentomls_client_calls_it_with_a_token(single: Server, row: Row) -> None:
    with bentoml.SyncHTTPClient(single.url, token=single.key) as client:
        answer = client.predict(row)
        client._temp_dir.cleanup()  # BentoML leaves it to the garbage collector

    assert answer["predictions"] == single.predict(row).json()["predictions"]


def test_another_models_key_opens_nothing_of_it(single: Server, row: Row) -> None:
    with single.store.session() as session:
        from registry import accounts, catalog
        from registry.settings import settings
        from services.security.api_keys import mint

        wine = catalog.find_endpoint(session, "wine")
        assert wine is not None
        other = catalog.put_endpoint(
            session, name="other", path="/api/predict/other", model=wine.model, bento="other:1", actor="user:test"
        )
        key = mint("test", settings().pepper_bytes())
        accounts.add_key(
            session,
            key_id=key.key_id,
            key_hash=key.key_hash,
            name="other",
            user=accounts.local_user(session),
            endpoint=other,
            actor="user:test",
        )

    for path in (WINE, "/schema.json", "/api/predict/other", "/metrics"):
        request = post(path, key.text, row)
        single.eventually(lambda: status(speak(single.port, request)) == 403)  # noqa: B023


def test_the_worker_of_a_compiled_model_loads_no_framework(single: Server) -> None:
    loaded = {part for worker in single.workers() for mapped in worker.memory_maps() for part in mapped.path.split("/")}
    assert "onnxruntime" in loaded
    assert not loaded & {"sklearn", "pandas", "scipy", "tensorflow", "pyarrow"}
