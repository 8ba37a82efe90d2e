"""What a worker has done before it is ready, how a model that is new to it arrives, and which threads it may take."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from registry import catalog
from services.inference.threads import cores
from tests.services.inference.test_threads import taken
from tests.serving.callers import at_once, post
from tests.serving.conftest import Server

pytestmark = pytest.mark.slow

Row = dict[str, float]
TWIN = "/api/predict/twin"


@pytest.fixture(scope="module")
def impatient(serve: Callable[..., Server]) -> Server:
    """A hub with one worker whose callers hardly wait for a model to be loaded."""
    command = ["-m", "cli.main", "serve", "--port", "{port}", "--workers", "1"]
    return serve(*command, MODELPORT_MODEL_WAIT_SECONDS="0.0001", MODELPORT_RATE_LIMIT="1000000/minute")


def test_the_first_call_after_ready_finds_its_model_loaded(impatient: Server, row: Row) -> None:
    models = impatient.store.folder / "bentoml" / "models"
    away = models.rename(models.with_name("away"))
    try:
        assert impatient.predict(row).status_code == 200
    finally:
        away.rename(models)


def test_who_calls_a_model_that_is_still_loading_is_told_when_to_come_back(impatient: Server, row: Row) -> None:
    with impatient.store.session() as session:
        wine = catalog.find_endpoint(session, "wine")
        assert wine is not None
        catalog.put_endpoint(session, name="twin", path=TWIN, model=wine.model, bento=wine.bento, actor="user:test")
    key = impatient.store.new_key()["api_key"]
    impatient.eventually(lambda: impatient.predict(row, key).status_code == 200)  # the key came after the twin

    answers = asyncio.run(at_once(impatient.port, post(TWIN, key, row), clients=20, calls=20))
    told = Counter((answer.status, answer.headers.get("retry-after")) for answer in answers)
    assert (503, "5") in told and set(told) <= {(503, "5"), (200, None)}
    impatient.eventually(lambda: impatient.predict(row, key, TWIN).status_code == 200)


def test_two_workers_take_no_more_threads_than_there_are_cores(hub: Server) -> None:
    first, second = (worker.environ() for worker in hub.workers())
    assert first["OMP_NUM_THREADS"] == second["OMP_NUM_THREADS"]
    counts = taken(first)
    assert max(counts[name] for name in ("blas", "openmp", "joblib", "onnx")) * 2 <= max(2, cores())
