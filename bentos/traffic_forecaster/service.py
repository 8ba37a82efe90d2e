"""POST /traffic/forecast: a day or more of a link's traffic in, the next hours with a prediction interval out."""

import os

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import math
from datetime import datetime
from typing import Annotated, Any

import bentoml
from bentoml.models import BentoModel
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.config import JsonDict

from services.guarded import GuardedService
from services.inference.stored import load_model
from services.request import request_id

MINUTES, CONTEXT, HORIZON, INTERVAL = 15, 96, 96, 0.9
LONGEST = 10_000  # intervals, some 100 days: only the last day counts
WEEK_HOURS = 168
UNKNOWN = -1.0  # the hour of the week, when the caller doesn't say
DECIMALS = 6

Bytes = Annotated[float, Field(ge=0, le=1e15, description="Bytes carried in the interval, both directions.")]
Flows = Annotated[float, Field(ge=0, le=1e12, description="Flows that began in the interval.")]
Latency = Annotated[float, Field(ge=0, le=86_400_000, description="Mean round trip, ms; 0 without a flow to measure.")]


def example_day() -> list[JsonValue]:
    """A calm day, from midnight."""
    day = [(1 - math.cos(2 * math.pi * (step - 12) / CONTEXT)) / 2 for step in range(CONTEXT)]
    return [[round(8e9 + 5e10 * part), round(9_000 + 6e4 * part), round(12.4 + 4 * part, 2)] for part in day]


EXAMPLE: JsonDict = {"series": example_day(), "horizon": 4, "start": "2026-03-02T00:00:00"}


class Past(BaseModel):
    """What was measured, oldest first, one row per 15 minutes: `[bytes, flows, latency_ms]`."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra={"examples": [EXAMPLE]}
    )

    series: list[tuple[Bytes, Flows, Latency]] = Field(
        min_length=CONTEXT,
        max_length=LONGEST,
        description=f"Rows `[bytes, flows, latency_ms]`, one per {MINUTES} minutes without a gap, a day ({CONTEXT} rows) "
        "or more. Forecasts are made from the last day.",
    )
    horizon: int = Field(ge=1, le=HORIZON, description=f"How many intervals of {MINUTES} minutes to forecast.")
    start: datetime | None = Field(
        default=None,
        description="When the first row's interval began, by the clock of the link's users; an offset is not applied. "
        "Without it the model doesn't know the weekday, and errs more around weekends.",
    )


class Range(BaseModel):
    """What to expect of a channel."""

    mean: float = Field(ge=0, description="Expected value.")
    low: float = Field(ge=0, description=f"One outcome in {2 / (1 - INTERVAL):.0f} should be lower.")
    high: float = Field(ge=0, description=f"One outcome in {2 / (1 - INTERVAL):.0f} should be higher.")


class Step(BaseModel):
    """What to expect of one interval."""

    step: int = Field(ge=1, le=HORIZON, description="1 is the interval after the last row.")
    bytes: Range = Field(description="Bytes carried.")
    flows: Range = Field(description="Flows that begin.")
    latency_ms: Range = Field(description="Mean round trip, ms.")


class ModelVersion(BaseModel):
    """Which trained model answered."""

    name: str
    version: str


class Forecast(BaseModel):
    """The next intervals, in their order."""

    steps: list[Step]
    interval: float = Field(description="The share of outcomes that should lie between low and high.")
    interval_minutes: int = Field(description="The length of a step.")
    model: ModelVersion
    request_id: str


@bentoml.service(name="traffic_forecaster", service_class=GuardedService)
class TrafficForecaster:
    """Forecasts a link's bytes, flows and latency for up to a day ahead."""

    model = BentoModel("traffic_forecaster:latest")

    def __init__(self) -> None:
        self.stored = load_model(self.model.tag)
        self.version = ModelVersion(name=self.stored.name, version=self.stored.version)

    @bentoml.api(route="/traffic/forecast", input_spec=Past)  # type: ignore[untyped-decorator]
    async def forecast(
        self, series: list[tuple[float, float, float]], horizon: int, start: datetime | None = None
    ) -> Forecast:
        """Forecast the intervals that follow a series."""
        row = (series[-CONTEXT:], clock(start, len(series)))
        (answer,) = await self.stored([row])
        return Forecast(
            steps=[step(index, channels) for index, channels in enumerate(answer[:horizon], 1)],
            interval=INTERVAL,
            interval_minutes=MINUTES,
            model=self.version,
            request_id=request_id(),
        )


def clock(start: datetime | None, rows: int) -> float:
    """The hour of the week at which the forecast begins, `rows` intervals after `start`; UNKNOWN without one."""
    if start is None:
        return UNKNOWN
    hour = start.weekday() * 24 + start.hour + start.minute / 60 + start.second / 3600
    return (hour + rows * MINUTES / 60) % WEEK_HOURS


def step(index: int, channels: list[list[float]]) -> Step:
    """One step from the model's mean, low and high of every channel."""
    ranges: list[Any] = [
        Range(mean=round(mean, DECIMALS), low=round(low, DECIMALS), high=round(high, DECIMALS))
        for mean, low, high in channels
    ]
    return Step(step=index, bytes=ranges[0], flows=ranges[1], latency_ms=ranges[2])
