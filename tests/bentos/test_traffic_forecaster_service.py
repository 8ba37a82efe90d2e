"""The service refuses in one clear line what is no series, and answers every series in order and with the right length."""

import asyncio
import json
import typing
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from annotated_types import Ge, Le
from hypothesis import given, settings
from hypothesis import strategies as st

from bentos.traffic_forecaster import service as served
from bentos.traffic_forecaster.series import CHANNELS, CONTEXT, HORIZON, INTERVAL, MINUTES, NAMES
from bentos.traffic_forecaster.service import EXAMPLE, Forecast, Past, Step, clock
from bentos.traffic_forecaster.train import sample
from registry.errors import InvalidInput
from services.inference.typed import typed_handlers
from tests.bentos.forecasts import quickly

pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
ROWS: list[Any] = list(EXAMPLE["series"])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained() -> Any:
    return quickly()


@pytest.fixture(scope="module")
def handle(trained: Any) -> Iterator[Any]:
    """Body to answer, by the path that JSON takes through the hub; the model comes out of BentoML's store."""
    from services.packaging.save_model import save_model

    model, cut = trained
    save_model("traffic_forecaster", model, sample(cut.test), framework="keras")
    instance = served.TrafficForecaster()
    handlers: Any = typed_handlers(served.TrafficForecaster, instance)

    def call(body: bytes) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(asyncio.run(handlers["/traffic/forecast"](body, "request-1")))
        return answer

    yield call


def body(**changes: Any) -> bytes:
    """The example with some fields changed."""
    return json.dumps({**EXAMPLE, **changes}).encode()


def test_the_service_states_what_the_series_states() -> None:
    assert (served.MINUTES, served.CONTEXT, served.HORIZON, served.INTERVAL) == (MINUTES, CONTEXT, HORIZON, INTERVAL)
    for channel, kind in zip(CHANNELS, (served.Bytes, served.Flows, served.Latency), strict=True):
        field = typing.get_args(kind)[1]
        assert field.metadata == [Ge(0), Le(channel.maximum)] and field.description
    assert [name for name in Step.model_fields if name != "step"] == NAMES


def test_the_example_is_answered(handle: Any) -> None:
    answer = handle(body())
    Forecast.model_validate(answer)
    assert [step["step"] for step in answer["steps"]] == [1, 2, 3, 4]
    assert (answer["interval"], answer["interval_minutes"], answer["model"]["name"]) == (0.9, 15, "traffic_forecaster")


def test_the_keras_model_in_python_gives_the_same_numbers(handle: Any, trained: Any) -> None:
    model, cut = trained
    past = cut.test.past[3]
    answer = handle(body(series=past.tolist(), horizon=HORIZON, start="2026-03-03T06:30"))
    hour = 24 + 6.5 + 24
    own = np.asarray(model([past[None].astype("float32"), np.array([hour], "float32")]))[0]
    got = [[[step[name][part] for part in ("mean", "low", "high")] for name in NAMES] for step in answer["steps"]]
    assert np.allclose(got, own, rtol=2e-5, atol=1e-6)


def test_a_longer_series_counts_by_its_end_and_the_horizon_only_cuts(handle: Any) -> None:
    longer = [[1e3, 5, 900.0]] * 40 + ROWS
    plain, more = (handle(body(series=series, start=None, horizon=9)) for series in (ROWS, longer))
    assert plain["steps"] == more["steps"] == handle(body(start=None, horizon=HORIZON))["steps"][:9]


@pytest.mark.parametrize(
    ("start", "rows", "hour"),
    [
        ("2026-03-02T00:00:00", 96, 24.0),  # a Monday
        ("2026-03-08T23:45:00", 97, 24.0),  # a Sunday: over the week's end
        ("2026-03-04T10:30:36+05:00", 100, 2 * 24 + 10.51 + 25),
        ("9999-12-31T23:59:00", 10_000, None),
    ],
)
def test_the_clock_is_the_hour_of_the_week_at_the_first_step(start: str, rows: int, hour: float | None) -> None:
    found = clock(datetime.fromisoformat(start), rows)
    assert 0 <= found < 168 and (hour is None or found == pytest.approx(hour))
    assert clock(None, rows) == -1


def test_a_constant_series_is_no_fault(handle: Any) -> None:
    for level in (0, 7, 1e6):
        answer = handle(body(series=[[level] * 3] * 96))
        means = [step[name]["mean"] for step in answer["steps"] for name in NAMES]
        assert all(level / 50 <= mean <= 50 * level for mean in means)


@given(
    rows=st.lists(st.tuples(*(st.floats(0, channel.maximum) for channel in CHANNELS)), min_size=1, max_size=8),
    horizon=st.integers(1, HORIZON),
    start=st.none() | st.datetimes().map(datetime.isoformat),
)
@settings(max_examples=40, deadline=None)
def test_a_series_within_range_has_a_forecast_in_order(handle: Any, rows: Any, horizon: int, start: str | None) -> None:
    steps = handle(body(series=(rows * CONTEXT)[: CONTEXT + len(rows)], horizon=horizon, start=start))["steps"]
    assert [step["step"] for step in steps] == list(range(1, horizon + 1))
    for step in steps:
        for name in NAMES:
            assert 0 <= step[name]["low"] <= step[name]["mean"] <= step[name]["high"] < np.inf


def with_row(row: Any, at: int = 3) -> list[Any]:
    """The example's rows, one of them changed."""
    return [*ROWS[:at], row, *ROWS[at + 1 :]]


LAST = "[8e9, 9000, 12.4]"
WRONG: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", ""),
    "no JSON": (b"{", ""),
    "an array": (b"[]", ""),
    "null": (b"null", ""),
    "text": (b'"series"', ""),
    "bytes that are no text": (b"\xff\xfe", ""),
    "no fields": (b"{}", "series, horizon"),
    "no series": (json.dumps({"horizon": 1}).encode(), "series"),
    "no horizon": (json.dumps({"series": ROWS}).encode(), "horizon"),
    "an unknown field": (body(step=1), "step"),
    "a horizon of 0": (body(horizon=0), "greater than or equal to 1"),
    "a horizon of 97": (body(horizon=97), "less than or equal to 96"),
    "a horizon of 10,000": (body(horizon=10_000), "less than or equal to 96"),
    "a negative horizon": (body(horizon=-1), "horizon"),
    "a broken horizon": (body(horizon=1.5), "horizon"),
    "a horizon of text": (body(horizon="4"), "horizon"),
    "a horizon of true": (body(horizon=True), "horizon"),
    "a horizon of null": (body(horizon=None), "horizon"),
    "a list of horizons": (body(horizon=[1, 2]), "horizon"),
    "a huge horizon": (body(horizon=10**400), "horizon"),
    "an empty series": (body(series=[]), "at least 96"),
    "one row": (body(series=ROWS[:1]), "at least 96"),
    "a row too few": (body(series=ROWS[:95]), "at least 96"),
    "too many rows": (body(series=ROWS * 105), "at most 10000"),
    "a series of null": (body(series=None), "series"),
    "a series of text": (body(series="1,2,3"), "series"),
    "a series by channel": (body(series={"bytes": [1] * 96}), "series"),
    "a flat series": (body(series=[1.0] * 96), "series[0]"),
    "a deeper series": (body(series=[[[1.0, 2.0, 3.0]]] * 96), "series[0]"),
    "a row of null": (body(series=with_row(None)), "series[3]"),
    "a row of two": (body(series=with_row([1, 2])), "series[3]"),
    "a row of four": (body(series=with_row([1, 2, 3, 4])), "series[3]"),
    "an empty row": (body(series=with_row([])), "series[3]"),
    "a row by name": (body(series=with_row(dict.fromkeys(NAMES, 1))), "series[3]"),
    "negative bytes": (body(series=with_row([-1, 2, 3])), "series[3][0]"),
    "negative flows": (body(series=with_row([1, -2, 3])), "series[3][1]"),
    "negative latency": (body(series=with_row([1, 2, -0.1])), "series[3][2]"),
    "a negative value in the last row": (body(series=with_row([-1, 2, 3], 95)), "series[95][0]"),
    "a negative value before the context": (body(series=[[-1, 2, 3], *ROWS]), "series[0][0]"),
    "more bytes than there are": (body(series=with_row([1.1e15, 2, 3])), "series[3][0]"),
    "more flows than there are": (body(series=with_row([1, 1.1e12, 3])), "series[3][1]"),
    "a latency of more than a day": (body(series=with_row([1, 2, 8.7e7])), "series[3][2]"),
    "a missing value": (body(series=with_row([1, None, 3])), "series[3][1]"),
    "a number as text": (body(series=with_row(["1", 2, 3])), "series[3][0]"),
    "true for a number": (body(series=with_row([True, 2, 3])), "series[3][0]"),
    "NaN": (body(series=with_row([float("nan"), 2, 3])), "NaN"),
    "Infinity": (body(series=with_row([float("inf"), 2, 3])), "Infinity"),
    "minus Infinity": (body(series=with_row([-float("inf"), 2, 3])), "Infinity"),
    "a number beyond floats": (body(series=ROWS).replace(b"12.4]", b"1e999]", 1), "series"),
    "an integer beyond floats": (body(series=with_row([10**400, 2, 3])), "series[3][0]"),
    "a start of text": (body(start="yesterday"), "start"),
    "a start on no day": (body(start="2026-02-30T00:00:00"), "start"),
    "a start beyond years": (body(start="10000-01-01T00:00:00"), "start"),
    "a start of null bytes": (body(start="\u0000"), "start"),
    "a start of true": (body(start=True), "start"),
    "a start of a list": (body(start=["2026-03-02"]), "start"),
    "a start of NaN": (body(start=float("nan")), "NaN"),
}


@pytest.mark.parametrize(("wrong", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_request_is_refused_in_a_line(handle: Any, wrong: bytes, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        handle(wrong)
    assert said in caught.value.message and "\n" not in caught.value.message and len(caught.value.message) < 400


def test_the_fields_have_units_ranges_and_descriptions() -> None:
    schema = Past.model_json_schema()
    assert all(part["description"] for part in schema["properties"].values())
    row = schema["properties"]["series"]["items"]["prefixItems"]
    assert [(part["minimum"], part["maximum"]) for part in row] == [(0, channel.maximum) for channel in CHANNELS]
