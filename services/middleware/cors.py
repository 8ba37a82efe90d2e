"""Which browser origins may read the answers: exactly those configured, and nothing is said to any other."""

from collections.abc import Sequence

from services.request import PREFLIGHT, Header, RequestContext

_VARY: Header = (b"vary", b"Origin")
_EXPOSED: Header = (
    b"access-control-expose-headers",
    b"X-Request-ID, Location, Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, "
    b"X-RateLimit-Reset",
)
_PERMISSION: list[Header] = [
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Request-ID"),
    (b"access-control-max-age", b"600"),
]


class Cors:
    """Adds the headers to the context, so that every answer bears them: predictions, refusals, documents."""

    def __init__(self, origins: Sequence[str]) -> None:
        allowed = [origin.lower().encode() for origin in origins]  # as browsers write them
        self._headers = {origin: [(b"access-control-allow-origin", origin), _EXPOSED] for origin in allowed}

    def __call__(self, context: RequestContext) -> None:
        context.headers.append(_VARY)
        headers = self._headers.get(context.incoming.get(b"origin", b""))
        if headers is not None:
            context.headers.extend(headers)
            if context.method == "OPTIONS" and b"access-control-request-method" in context.incoming:
                context.route, context.endpoint, context.exempt = PREFLIGHT, None, True
                context.headers.extend(_PERMISSION)
