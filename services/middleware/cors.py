"""Which browser origins may read the answers: exactly those configured, and nothing is said to any other."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from services.request import Header, context_of

PREFLIGHT = "preflight"  # the route of a browser's question whether it may call; it carries no key

_VARY: Header = (b"vary", b"Origin")
_EXPOSED: Header = (
    b"access-control-expose-headers",
    b"X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, "
    b"X-RateLimit-Reset",
)
_PERMISSION: list[Header] = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, X-API-Key"),
    (b"access-control-max-age", b"600"),
]


class Cors:
    """Adds the headers to the context, so that every answer bears them: predictions, refusals, documents."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self.app = app
        allowed = [origin.lower().encode() for origin in origins]  # as browsers write them
        self._headers = {origin: [(b"access-control-allow-origin", origin), _EXPOSED] for origin in allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        context = context_of(scope)
        context.headers.append(_VARY)
        headers = self._headers.get(context.incoming.get(b"origin", b""))
        if headers is not None:
            context.headers.extend(headers)
            if context.method == "OPTIONS" and b"access-control-request-method" in context.incoming:
                context.route, context.exempt = PREFLIGHT, True
                context.headers.extend(_PERMISSION)
                return await context.respond(200, b"", b"text/plain")
        await self.app(scope, receive, send)
