"""Counts the call against its key's limit; the headers say where the key stands, whatever the answer will be."""

from starlette.types import ASGIApp, Receive, Scope, Send

from registry.errors import RateLimited
from services.limits.headers import headers
from services.limits.rule import Limit
from services.limits.shared import SharedLimiter
from services.request import context_of


class RateLimit:
    """Raises RateLimited (429) when the key has used up its limit; exact over all workers of the machine."""

    def __init__(self, app: ASGIApp, limiter: SharedLimiter, default: Limit) -> None:
        self.app, self._limiter, self._default = app, limiter, default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = context_of(scope)
            if context.key is not None:
                limit = context.endpoint.limit if context.endpoint is not None else self._default
                decision = self._limiter.hit(context.key.id, limit)
                context.headers.extend(headers(decision))
                if not decision.allowed:
                    raise RateLimited(
                        f"The limit of {limit} is used up; try again in {decision.retry_after} s.",
                        details={"limit": str(limit), "retry_after": decision.retry_after},
                    )
        await self.app(scope, receive, send)
