"""What is remembered of single predictions, as the sidecar writes it: with its request, once, for its owner."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from registry import accounts, catalog, database
from registry.predictions import Prediction, chances_of, forget_images, results_of
from registry.settings import settings
from registry.sidecar.frames import PREDICTION_COLUMNS, PredictionRow, RequestRow
from registry.sidecar.requests import record
from registry.sidecar.store import open_store
from registry.traffic import select_predictions
from services.request import request_uuid

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SEEDS = {  # the columns that the table must have under these names
    *("id", "user_id", "filename", "predicted_category", "confidence", "probabilities", "processing_time", "status"),
    *("error_message", "created_at"),
}


def prediction(category: str | None = "cat", **changes: Any) -> PredictionRow:
    """A prediction as `remember` notes it."""
    values = ("cat.png", category, 0.75, '{"cat": 0.75}', 0.02, "success", None, None)
    row: Any = tuple((dict(zip(PREDICTION_COLUMNS, (request_uuid(), *values), strict=True)) | changes).values())
    return row  # type: ignore[no-any-return]


def request(churn: Any, *predictions: PredictionRow, status: int = 200, **changes: Any) -> RequestRow:
    """An answered request with its predictions."""
    columns = {"request_id": request_uuid(), "endpoint": churn.endpoint.id, "key": churn.key.id, "user": None} | changes
    called = (columns["request_id"], columns["endpoint"], columns["key"], "POST", "/predict/images", status, 0.25)
    return (*called, NOON.timestamp(), None, columns["user"], None, predictions)


def write(*rows: RequestRow, repeated: bool = False) -> None:
    with closing(open_store(settings().url)) as store:
        record(store, rows, repeated, 1.5, 80.0)


def stored() -> list[Prediction]:
    with database.reading() as session:
        return list(session.exec(select(Prediction).order_by(col(Prediction.request_id), col(Prediction.position))))


def counted(user: int) -> int:
    with database.reading() as session:
        return session.get_one(accounts.User, user).prediction_count


def test_a_prediction_is_stored_as_it_was_with_whose_it_is(churn: Any) -> None:
    made = prediction(error_message="née", image_hash="ab" * 32)
    row = request(churn, made)
    write(row)

    [found] = stored()
    expected = dict(zip(PREDICTION_COLUMNS, made, strict=True)) | {
        "request_id": row[0],
        "user_id": churn.key.user_id,
        "endpoint_id": churn.endpoint.id,
        "created_at": NOON,
        "position": 0,
    }
    assert found.model_dump() == expected and expected.keys() >= SEEDS
    assert chances_of(found) == json.loads(str(made[4]))


def test_the_predictions_of_a_request_keep_their_order(churn: Any) -> None:
    many = request(churn, *(prediction(f"{number}") for number in range(40)))
    other, none = request(churn, prediction("other")), request(churn)
    write(many, other, none)

    with database.reading() as session:
        found = results_of(session, [many[0], other[0], none[0]])
    assert [one["category"] for one in found[many[0]]] == [f"{number}" for number in range(40)]
    assert found[many[0]][3] == {"id": many[-1][3][0], "category": "3", "confidence": 0.75}
    assert [one["category"] for one in found[other[0]]] == ["other"] and none[0] not in found


def test_a_batch_that_is_sent_again_stores_and_counts_nothing_twice(churn: Any) -> None:
    first, second = request(churn, prediction(), prediction()), request(churn, prediction())
    write(first)
    write(first, second, repeated=True)
    write(first, second, repeated=True)

    assert len(stored()) == 3 == counted(churn.key.user_id)


def test_a_call_counts_as_many_predictions_as_it_stored_and_one_where_it_stored_none(churn: Any) -> None:
    write(request(churn))
    assert counted(churn.key.user_id) == 1
    write(request(churn, prediction(), prediction(None, status="error")), request(churn, status=400))
    assert counted(churn.key.user_id) == 3
    write(request(churn, prediction(), key=None, user=churn.key.user_id))
    assert counted(churn.key.user_id) == 4


def test_a_prediction_is_kept_without_what_was_deleted_meanwhile(churn: Any) -> None:
    with database.session() as session:
        catalog.delete_endpoint(session, churn.endpoint, actor="user:ada")
    write(request(churn, prediction(), key=None, user=999))
    assert [(one.endpoint_id, one.user_id) for one in stored()] == [(None, None)]


def test_who_deletes_an_endpoint_deletes_its_predictions_and_a_deleted_users_belong_to_nobody(churn: Any) -> None:
    write(request(churn, prediction("of endpoint")), request(churn, prediction("of none"), endpoint=None))
    with database.session() as session:
        catalog.delete_endpoint(session, churn.endpoint, actor="user:ada")
    assert [one.predicted_category for one in stored()] == ["of none"]
    with database.session() as session:
        session.delete(session.get_one(accounts.User, churn.key.user_id))
    assert [(one.predicted_category, one.user_id) for one in stored()] == [("of none", None)]


def test_requests_are_found_by_the_category_of_any_of_their_results(churn: Any) -> None:
    both, cat = request(churn, prediction("dog"), prediction("cat")), request(churn, prediction("cat"))
    write(both, cat, request(churn))
    with database.reading() as session:
        found = {
            name: {one.request_id for one in session.exec(select_predictions(category=name))}
            for name in ("cat", "dog", "x")
        }
    assert found == {"cat": {both[0], cat[0]}, "dog": {both[0]}, "x": set()}


def test_an_image_is_forgotten_and_all_else_stays(churn: Any) -> None:
    write(request(churn, prediction(image_hash="ab" * 32), prediction()))
    for before, left in ((NOON, ["ab" * 32, None]), (NOON + timedelta(seconds=1), [None, None])):
        with database.session() as session:
            forget_images(session, before)
        assert [one.image_hash for one in stored()] == left
    assert [one.predicted_category for one in stored()] == ["cat", "cat"]


@pytest.mark.slow
def test_the_count_is_exact_however_many_workers_write_at_once(
    churn: Any, processes: Callable[[int, str], list[str]]
) -> None:
    """Four processes write 25 batches each, of 3 requests with 0, 1 and 5 predictions: 7 counted, 6 stored."""
    code = f"""
import time
from contextlib import closing
from registry.settings import settings
from registry.sidecar.requests import record
from registry.sidecar.store import open_store
from services.request import request_uuid

def request(count):
    rows = [(request_uuid(), None, "cat", 0.5, None, None, "success", None, None) for _ in range(count)]
    return (request_uuid(), {churn.endpoint.id}, {churn.key.id}, "POST", "/x", 200, 0.1, time.time(), None, None, None, rows)

with closing(open_store(settings().url)) as store:
    for _ in range(25):
        batch = [request(0), request(1), request(5)]
        record(store, batch, False, 0.0, 0.0)
        record(store, batch, True, 0.0, 0.0)
"""
    processes(4, code)
    assert counted(churn.key.user_id) == 4 * 25 * 7 and len(stored()) == 4 * 25 * 6
