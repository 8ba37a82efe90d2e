"""Times the runtimes that could serve a model, and chooses one."""

from collections.abc import Mapping, Sequence
from time import perf_counter

from services.inference.instances import Row
from services.inference.runtimes import Runtime
from services.packaging.job import Timings

SIZES = (1, 8, 64)  # rows in a call
_CALLS, _SECONDS = 51, 0.15  # at most so many calls of a size, and for about so long
_SLOW = 1.0  # seconds a call: beyond, larger calls are not timed


def time_calls(runtime: Runtime, rows: Sequence[Row]) -> Timings:
    """The least seconds of a call by its number of rows, after one that doesn't count: what else the machine does adds to it.

    A slow model is timed with fewer calls and, above a second a call, with no more rows: it costs seconds, not minutes.
    """
    timings: Timings = {}
    for size in SIZES:
        timings[str(size)] = seconds = _least(runtime, [rows[index % len(rows)] for index in range(size)])
        if seconds > _SLOW:
            break
    return timings


def _least(runtime: Runtime, batch: Sequence[Row]) -> float:
    runtime.predict(batch)
    times: list[float] = []
    while not times or (len(times) < _CALLS and sum(times) < _SECONDS):
        started = perf_counter()
        runtime.predict(batch)
        times.append(perf_counter() - started)
    return min(times)


def fastest(timings: Mapping[str, Timings]) -> str:
    """The runtime to serve with.

    It is the one that answers a single row soonest, unless it takes more than twice as long as another for the most rows
    that all of them were timed with (64, for all but slow models): then it is the one that is soonest there.
    """
    most = str(max(set.intersection(*({int(size) for size in sizes} for sizes in timings.values()))))
    for_one = soonest(timings)
    for_most = min(timings, key=lambda name: timings[name][most])
    return for_most if timings[for_one][most] > 2 * timings[for_most][most] else for_one


def soonest(timings: Mapping[str, Timings]) -> str:
    """The runtime that answers a single row soonest."""
    return min(timings, key=lambda name: timings[name]["1"])
