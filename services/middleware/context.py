"""Outermost: one request context per call; whatever happens inside, an answer is counted and logged in `finally`."""

from time import perf_counter, time

from starlette.types import ASGIApp, Receive, Scope, Send

from registry.sidecar.frames import RequestRow
from services.metrics import RequestMetrics
from services.middleware.security_headers import SECURITY_HEADERS
from services.request import RequestContext, enter
from services.request_log import RequestLog


class Context:
    """Makes the RequestContext, hands its `send` inwards, and records the call if it was answered: metrics, log row."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics, log: RequestLog) -> None:
        self.app, self._metrics, self._log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        context = RequestContext(scope, receive, send, SECURITY_HEADERS)
        scope["modelport"] = context
        enter(context)
        self._metrics.begin()
        if context.path == "/metrics":
            self._metrics.publish()
        try:
            await self.app(scope, receive, context.send)
        finally:
            self._record(context)
            # The server's send leads back to the scope: a cycle, which would keep every request's memory from being used
            # again until the garbage collector came by. That cost more than all that is done here.
            del scope["modelport"]

    def _record(self, context: RequestContext) -> None:
        if context.left:
            return self._metrics.abandon()
        seconds = perf_counter() - context.started
        status = context.status or 500
        self._metrics.end(context.route, status, seconds)
        if not context.exempt:
            self._log.put(row_of(context, status, seconds))


def row_of(context: RequestContext, status: int, seconds: float) -> RequestRow:
    """The log row of an answered request, in the order of `frames.COLUMNS`."""
    return (
        context.id,
        context.endpoint.id if context.endpoint is not None else None,
        context.key.id if context.key is not None else None,
        context.method,
        context.route,
        status,
        seconds,
        time(),
        context.error,
    )
