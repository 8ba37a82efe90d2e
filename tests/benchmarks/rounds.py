"""Results as a run writes them down, a few figures long."""

from typing import Any

from benchmarks.results import Results

ABOUT: dict[str, Any] = {
    "title": "Decision tree",
    "order": 0,
    "labels": {"modelport": "Modelport", "floor": "the floor", "litserve": "LitServe", "ray": "Ray Serve"},
    "loads": ["1x16", "32x16"],
    "rounds": 3,
    "seconds": 2,
    "cores": 2,
    "system": "Linux",
    "python": "3.11.7",
    "date": "2026-11-22",
}


def one_round(rate: float, **process: float) -> dict[str, Any]:
    """A round in which every load went at that rate."""
    load = {"rate": rate, "p50": 16e3 / rate, "p99": 40e3 / rate, "cpu": 1e6 / rate, "worker": 9e5 / rate}
    return {"cold": 2.0, "rss": 2**27, "pss": 2**28, **process, "loads": {"1x16": load, "32x16": load}}


def results(about: dict[str, Any] | None = None, **rounds: list[dict[str, Any]]) -> Results:
    """One scenario of those contenders."""
    return Results({"about": about or ABOUT, "contenders": rounds})


def rates(*values: float) -> list[dict[str, Any]]:
    """Rounds at those rates."""
    return [one_round(value) for value in values]
