"""Traffic to learn from: synthetic weeks of one link, or your own CSV. The README says what the weeks are made of."""

from pathlib import Path

import numpy as np
import pandas as pd

from bentos.traffic_forecaster.series import DAY, MINUTES, NAMES, TIME, WEEK, Floats, conform

Random = np.random.Generator

MONDAY = "2026-03-02"  # where synthetic weeks begin
CAPACITY = 1e9 / 8 * MINUTES * 60  # bytes that the link, 1 Gbit/s, carries in an interval
BUSIEST = 0.55 * CAPACITY  # of a working day's busiest hour, before noise and bursts
IDLE_LATENCY_MS = 12.0
FEWEST_DAYS = 14  # one weekend to learn from, one to be tested on


def _bump(hour: Floats, centre: float, width: float) -> Floats:
    """A rise around an hour of the day, of height 1; midnight is no edge."""
    distance = (hour - centre + 12) % 24 - 12
    height: Floats = np.exp(-0.5 * (distance / width) ** 2)
    return height


def profile(intervals: int) -> tuple[Floats, Floats]:
    """What people and machines want on average, each of shape (intervals,) from Monday 00:00: work, and leisure."""
    hour = np.arange(intervals) / 4 % 24
    weekday = np.arange(intervals) // DAY % 7
    work = 0.9 * _bump(hour, 10.5, 1.9) + 0.85 * _bump(hour, 15, 2.1)
    work = work * np.array([1.0, 1.05, 1.05, 1.0, 0.85, 0.2, 0.12])[weekday]
    leisure = 0.65 * _bump(hour, 20.5, 2.2) + 0.1 * _bump(hour, 13, 4)
    leisure = leisure * np.array([1.0, 1.0, 1.0, 1.05, 1.15, 1.3, 1.35])[weekday]
    return work, leisure


def _wander(rng: Random, intervals: int, spread: float, persistence: float) -> Floats:
    """A slow random factor around 1, shape (intervals,): what it is in one interval, it nearly is in the next."""
    steps = spread * np.sqrt(1 - persistence**2) * rng.standard_normal(intervals)
    steps[0] = spread * rng.standard_normal()
    for index in range(1, intervals):
        steps[index] += persistence * steps[index - 1]
    factor: Floats = np.exp(steps)
    return factor


def bursts(rng: Random, intervals: int) -> Floats:
    """Bytes added by backups, updates and releases, shape (intervals,): three a day, 15 to 90 minutes, fading out."""
    added = np.zeros(intervals)
    for begin in np.flatnonzero(rng.random(intervals) < 3 / DAY):
        length = int(rng.integers(1, 7))
        height = BUSIEST * min(rng.lognormal(np.log(0.25), 0.6), 1.0)
        shape = height * np.exp(-np.arange(length) / 4)[: intervals - begin]
        added[begin : begin + length] += shape
    return added


def outages(rng: Random, intervals: int) -> Floats:
    """The share of the traffic that gets through, shape (intervals,): 1, but about 1.5 times a week 1-5 % for 15 to 120 minutes."""
    share = np.ones(intervals)
    for begin in np.flatnonzero(rng.random(intervals) < 1.5 / WEEK):
        share[begin : begin + int(rng.integers(1, 9))] = rng.uniform(0.01, 0.05)
    return share


def generate(weeks: int, seed: int) -> pd.DataFrame:
    """Draw `weeks` weeks from Monday 00:00, the same for the same seed: the channels, indexed by time."""
    rng, n = np.random.default_rng(seed), weeks * WEEK
    work, leisure = profile(n)
    mood = _wander(rng, n, 0.10, 0.98) * _wander(rng, n, 0.05, 0.6)
    through = outages(rng, n)
    wanted = BUSIEST * (0.12 + work + leisure) * mood + bursts(rng, n)
    carried = np.minimum(wanted, 0.97 * CAPACITY) * through
    # Work opens many small flows, leisure few large ones; bursts are few and huge, and hardly count.
    flows = 60_000 * (0.15 + 1.3 * work + 0.55 * leisure) * mood * _wander(rng, n, 0.06, 0.5) * through
    # A queue grows without bounds towards a full link; what an outage leaves takes the long way round.
    load = np.minimum(wanted / CAPACITY, 0.97)
    latency = (
        IDLE_LATENCY_MS * (1 + 0.25 * load / (1 - load)) * _wander(rng, n, 0.05, 0.7) * np.where(through < 1, 4, 1)
    )
    channels = {"bytes": carried.round(), "flows": flows.round(), "latency_ms": latency.round(2)}
    times = pd.date_range(MONDAY, periods=n, freq=f"{MINUTES}min", name=TIME, unit="us")
    return pd.DataFrame(channels, index=times)[NAMES]


def read_csv(path: Path) -> pd.DataFrame:
    """Read your own series: the channels indexed by time; ValueError says in one line what is wrong."""
    try:
        frame = conform(pd.read_csv(path, low_memory=False))
        if len(frame) < FEWEST_DAYS * DAY:
            raise ValueError(
                f"too short: expected {FEWEST_DAYS * DAY} rows ({FEWEST_DAYS} days) or more, not {len(frame)}"
            )
        return frame
    except ValueError as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from None
