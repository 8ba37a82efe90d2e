"""BentoML's own metric families, recorded from the outermost layer with the route as label.

BentoML's recorder labels with the raw path, so every unknown URL would become a series, and it stands inside our
layers. Ours takes its place: it removes BentoML's middleware from the app and records into that middleware's families.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from threading import Lock
from time import time
from typing import Any

from bentoml._internal.context import server_context
from starlette.applications import Starlette

_RECORDER = "RunnerTrafficMetricsMiddleware"
_families: dict[str, Any] = {}  # by namespace: Prometheus allows each family once a process


class RequestMetrics:
    """Counts requests, their durations (seconds) and those in progress.

    A request costs one append; `publish` adds what has come together to the families, several times a second and
    before they are read. Prometheus's own counters write into shared files, some microseconds each.
    """

    def __init__(self, families: Any) -> None:
        self._families = families  # None: BentoML's metrics are switched off
        self._answered: deque[tuple[str, int, float]] = deque()
        self._begun = 0.0  # epoch seconds of the last request
        self._in_progress = 0
        self._children: dict[tuple[str, int], tuple[Any, Any]] = {}
        self._publishing = Lock()
        if families is not None:
            self._names = {
                "service_name": server_context.bento_name,
                "service_version": server_context.bento_version,
                "runner_name": server_context.service_name,
            }

    def begin(self) -> None:
        """A request came in."""
        self._in_progress += 1
        self._begun = time()

    def abandon(self) -> None:
        """Its client left: there is no answer to count."""
        self._in_progress -= 1

    def end(self, route: str, status: int, seconds: float) -> None:
        """It was answered."""
        self._in_progress -= 1
        self._answered.append((route, status, seconds))

    def publish(self) -> None:
        """Add what was counted since to the families."""
        with self._publishing:
            durations: dict[tuple[str, int], list[float]] = {}
            for _ in range(len(self._answered)):
                route, status, seconds = self._answered.popleft()
                durations.setdefault((route, status), []).append(seconds)
            if self._families is None:
                return
            for labels, found in durations.items():
                total, duration = self._children.get(labels) or self._child(*labels)
                total.inc(len(found))
                observe(duration, found)
            self._families.metrics_request_in_progress.labels(endpoint="all", **self._names).set(self._in_progress)
            self._families.metrics_last_request_timestamp.labels(**self._names).set(self._begun)

    def _child(self, route: str, status: int) -> tuple[Any, Any]:
        labels = {"endpoint": route, "http_response_code": status, **self._names}
        child = (
            self._families.metrics_request_total.labels(**labels),
            self._families.metrics_request_duration.labels(**labels),
        )
        self._children[route, status] = child
        return child


def observe(histogram: Any, values: Sequence[float]) -> None:
    """Observe many values with one write for the sum and one for each bucket; prometheus_client has no call for it."""
    histogram._sum.inc(sum(values))
    for bucket, count in Counter(bisect_left(histogram._upper_bounds, value) for value in values).items():
        histogram._buckets[bucket].inc(count)


def take_over(app: Starlette) -> RequestMetrics:
    """Remove BentoML's recorder from the app and record into its families; nothing if metrics are switched off."""
    for middleware in list(app.user_middleware):
        if getattr(middleware.cls, "__name__", "") == _RECORDER:
            app.user_middleware.remove(middleware)
            namespace = str(middleware.kwargs["namespace"])
            if namespace not in _families:
                make: Any = middleware.cls
                recorder = make(app=None, **middleware.kwargs)
                recorder._setup()
                _families[namespace] = recorder
            return RequestMetrics(_families[namespace])
    return RequestMetrics(None)
