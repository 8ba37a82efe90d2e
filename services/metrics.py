"""BentoML's own metric families, recorded from the outermost layer with the route as label.

BentoML's recorder labels with the raw path, so every unknown URL would become a series, and it stands inside our
layers. Ours takes its place: it removes BentoML's middleware from the app and records into that middleware's families.
"""

from time import time
from typing import Any

from bentoml._internal.context import server_context
from starlette.applications import Starlette

_RECORDER = "RunnerTrafficMetricsMiddleware"
_families: dict[str, Any] = {}  # by namespace: Prometheus allows each family once a process


class RequestMetrics:
    """Counts requests, their durations (seconds) and those in progress; children are resolved once per label set."""

    def __init__(self, families: Any) -> None:
        self._families = families  # None: BentoML's metrics are switched off
        self._children: dict[tuple[str, int], tuple[Any, Any]] = {}
        if families is not None:
            self._names = {
                "service_name": server_context.bento_name,
                "service_version": server_context.bento_version,
                "runner_name": server_context.service_name,
            }
            self._in_progress = families.metrics_request_in_progress.labels(endpoint="all", **self._names)
            self._last = families.metrics_last_request_timestamp.labels(**self._names)

    def begin(self) -> None:
        """A request came in."""
        if self._families is not None:
            self._in_progress.inc()
            self._last.set(time())

    def end(self, route: str, status: int, seconds: float) -> None:
        """It was answered."""
        if self._families is None:
            return
        self._in_progress.dec()
        total, duration = self._children.get((route, status)) or self._child(route, status)
        total.inc()
        duration.observe(seconds)

    def _child(self, route: str, status: int) -> tuple[Any, Any]:
        labels = {"endpoint": route, "http_response_code": status, **self._names}
        child = (
            self._families.metrics_request_total.labels(**labels),
            self._families.metrics_request_duration.labels(**labels),
        )
        self._children[route, status] = child
        return child


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
