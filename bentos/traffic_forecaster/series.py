"""The channels of a series: the one place where names, units, limits and lengths are stated; data, model and service follow it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

TIME = "time"
MINUTES = 15  # an interval
DAY = 24 * 60 // MINUTES  # intervals
WEEK = 7 * DAY
CONTEXT = DAY  # intervals that a forecast is made from: each time of day is seen once
HORIZON = DAY  # intervals ahead, at most
INTERVAL = 0.9  # the share of outcomes that should fall between low and high


class Channel(NamedTuple):
    """What is measured per interval, 0 to `maximum`."""

    name: str
    unit: str
    description: str
    maximum: float


# The upper limits only keep out nonsense: 1 PB, a trillion flows, a day.
CHANNELS = (
    Channel("bytes", "bytes", "bytes carried, both directions", 1e15),
    Channel("flows", "flows", "flows that began", 1e12),
    Channel("latency_ms", "ms", "mean round trip; 0 without a flow to measure it on", 86_400_000),
)
NAMES = [channel.name for channel in CHANNELS]


def conform(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the channels of `frame`, shape (n, 3), float64, indexed by time without a gap; ValueError names the fault."""
    missing = [name for name in (TIME, *NAMES) if name not in frame.columns]
    if missing:
        raise ValueError(f"missing columns: {', '.join(missing)}")
    columns = {channel.name: _numbers(frame[channel.name], channel) for channel in CHANNELS}
    return pd.DataFrame(columns).set_axis(_clock(frame[TIME]), axis="index")


def _numbers(column: pd.Series, channel: Channel) -> pd.Series:
    """One channel of shape (n,), every value there and within its limits."""
    try:
        numbers = pd.to_numeric(column).astype("float64")
    except (TypeError, ValueError):
        raise ValueError(f"{channel.name}: expected numbers") from None
    if numbers.isna().any():
        raise ValueError(f"{channel.name}: missing in {numbers.isna().sum()} of {len(numbers)} rows")
    wrong = numbers[~numbers.between(0, channel.maximum)]
    if len(wrong):
        raise ValueError(
            f"{channel.name}: expected 0 to {channel.maximum:g} {channel.unit}, row {wrong.index[0] + 1} has {wrong.iloc[0]:g}"
        )
    return numbers


def _clock(column: pd.Series) -> pd.DatetimeIndex:
    """When each interval begins, as the wall clock shows it: an offset is read past, not applied."""
    try:
        times = pd.DatetimeIndex([pd.Timestamp(str(text)).tz_localize(None) for text in column], name=TIME)
    except (TypeError, ValueError):
        raise ValueError(f"{TIME}: expected times such as 2026-03-02T00:15") from None
    if times.hasnans:
        raise ValueError(f"{TIME}: missing in {int(np.sum(times.isna()))} of {len(times)} rows")
    steps = np.diff(times.to_numpy()) / np.timedelta64(MINUTES, "m")
    wrong = np.flatnonzero(steps != 1)
    if len(wrong):
        before, after = times[wrong[0]], times[wrong[0] + 1]
        raise ValueError(f"{TIME}: expected a row every {MINUTES} minutes without a gap, found {before} then {after}")
    return times


def hour_of_week(time: pd.Timestamp) -> float:
    """Hours since Monday 00:00, 0 to 168."""
    return float(time.weekday() * 24 + time.hour + time.minute / 60 + time.second / 3600)
