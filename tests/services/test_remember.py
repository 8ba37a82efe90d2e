"""What a service says of its predictions becomes rows that any registry takes, whatever it says."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from registry import database, images
from registry.predictions import Prediction
from registry.settings import settings
from registry.sidecar.frames import PREDICTION_COLUMNS, frame
from registry.sidecar.requests import record
from registry.sidecar.store import open_store
from services.metrics import RequestMetrics
from services.peer import Peer
from services.record import Record, row_of
from services.remember import remember
from services.request import Fixed, RequestContext, enter

NUMBERS = st.floats() | st.integers(-5, 5) | st.floats(width=32).map(np.float32)
TEXTS = st.text(st.characters(codec=None, categories=None), max_size=20)


def request() -> RequestContext:
    """A request of nobody's."""
    scope = {"method": "POST", "path": "/predict/images", "headers": []}
    return RequestContext(scope, Peer("198.18.0.1", False), Fixed([]))


def remembered(**given: Any) -> dict[str, Any]:
    """The row that is made of it."""
    context = request()

    def within() -> str:
        enter(context)
        return remember(**given)

    id = copy_context().run(within)
    [one] = context.remembered
    row: dict[str, Any] = dict(zip(PREDICTION_COLUMNS, one.row, strict=True))
    assert row.pop("id") == id
    return row


def test_what_is_said_is_noted() -> None:
    assert remembered(
        category="cat",
        confidence=np.float32(0.75),
        probabilities={"cat": np.float64(0.75), "dog": 0.25},
        filename="../photos/my cat.png",
        processing_time=0.5,
    ) == {
        "filename": "my cat.png",
        "predicted_category": "cat",
        "confidence": 0.75,
        "probabilities": '{"cat": 0.75, "dog": 0.25}',
        "processing_time": 0.5,
        "status": "success",
        "error_message": None,
        "image_hash": None,
    }


def test_what_has_an_error_has_failed() -> None:
    failed = remembered(filename="", error="That is no image.")
    assert (failed["status"], failed["error_message"], failed["filename"]) == ("error", "That is no image.", "image")
    assert remembered(error="blurred", status="success")["status"] == "success"


def test_outside_of_a_request_there_is_an_id_and_no_more() -> None:
    ids = {remember(category="cat", image=b"x") for _ in range(3)}
    assert len(ids) == 3 and all(len(id) == 32 and id[12] == "7" for id in ids)


@pytest.fixture
def registry(empty_home: Path) -> Path:
    """A registry with nothing in it."""
    return empty_home


@given(text=TEXTS, chances=st.dictionaries(TEXTS, NUMBERS, max_size=3), number=NUMBERS)
def test_nothing_that_is_said_can_hold_up_the_log(text: str, chances: dict[str, float], number: float) -> None:
    row = remembered(
        category=text, filename=text, error=text, confidence=number, processing_time=number, probabilities=chances
    )
    frame(list(row.values()))
    for value in row.values():
        assert not isinstance(value, str) or (value.encode() and "\x00" not in value) or value == ""
    assert json.dumps([row["confidence"], json.loads(row["probabilities"])], allow_nan=False)


class Images:
    """Stands in for the thread that keeps images."""

    def __init__(self, room: int) -> None:
        self.room, self.kept = room, list[tuple[str, bytes]]()

    def put(self, name: str, image: bytes) -> bool:
        """Whether there is room."""
        self.kept.append((name, image))
        return len(self.kept) <= self.room


@contextmanager
def answered(status: int, kept: Any) -> Iterator[Any]:
    """A request that is answered so; the log's rows."""
    rows: Any = type("Log", (list,), {"put": list.append})()
    metrics = RequestMetrics(None)
    context = request()
    keeper = Record(metrics, rows, kept)
    keeper.begin(context)

    def within() -> None:
        enter(context)
        for image in (b"one", b"two", None):
            remember(category="cat", image=image)

    copy_context().run(within)
    context.status = status
    keeper.end(context)
    yield rows


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_nothing_is_stored_of_a_request_that_failed(registry: Path, status: int) -> None:
    kept = Images(9)
    with answered(status, kept) as [row]:
        assert row[-1] == () and kept.kept == []


def test_images_are_kept_where_the_operator_says_so_and_there_is_room(
    registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Images(1)
    with answered(200, kept) as [row]:
        assert [one[-1] for one in row[-1]] == [None] * 3 and kept.kept == []
    monkeypatch.setenv("MODELPORT_KEEP_IMAGES", "true")
    settings.cache_clear()
    with answered(200, kept) as [row]:
        assert [one[-1] for one in row[-1]] == [images.digest(b"one"), None, None]
    assert [image for _, image in kept.kept] == [b"one", b"two"]


def test_a_row_goes_into_the_registry_as_it_is(registry: Path) -> None:
    context = request()

    def within() -> str:
        enter(context)
        return remember(category="\ud800\x00é", confidence=float("nan"), probabilities={"\x00": float("inf")})

    id = copy_context().run(within)
    with closing(open_store(settings().url)) as store:
        record(store, [row_of(context, 200, 0.1, [one.row for one in context.remembered])], False, 0.0, 0.0)
    with database.reading() as session:
        [found] = session.exec(select(Prediction))
    assert (found.id, found.predicted_category, found.confidence) == (id, "?é", None)
