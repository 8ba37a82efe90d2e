"""Outermost: one request context per call; whatever happens inside, an answer is counted and logged in `finally`."""

from datetime import UTC, datetime
from time import perf_counter

from starlette.types import ASGIApp, Receive, Scope, Send

from registry.traffic import RequestRow
from services.metrics import RequestMetrics
from services.request import Header, RequestContext, enter
from services.request_log import RequestLog

SECURITY_HEADERS: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"x-xss-protection", b"0"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
]


class Context:
    """Makes the RequestContext, hands its `send` inwards, and records the call if it was answered: metrics, log row."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics, log: RequestLog) -> None:
        self.app, self._metrics, self._log = app, metrics, log
        log.each_interval(metrics.publish)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        context = RequestContext(scope, send, SECURITY_HEADERS)
        scope["modelport"] = context
        enter(context)
        self._metrics.begin()
        if context.path == "/metrics":
            self._metrics.publish()
        try:
            await self.app(scope, receive, context.send)
        finally:
            self._record(context)

    def _record(self, context: RequestContext) -> None:
        if context.left:
            return self._metrics.abandon()
        seconds = perf_counter() - context.started
        status = context.status or 500
        self._metrics.end(context.route, status, seconds)
        if not context.exempt:
            self._log.put(row_of(context, status, seconds))


def row_of(context: RequestContext, status: int, seconds: float) -> RequestRow:
    """The log row of an answered request."""
    return RequestRow(
        request_id=context.id,
        endpoint_id=context.endpoint.id if context.endpoint is not None else None,
        api_key_id=context.key.id if context.key is not None else None,
        method=context.method,
        route=context.route,
        status_code=status,
        response_time=seconds,
        timestamp=datetime.now(UTC),
        error_message=context.error,
    )
