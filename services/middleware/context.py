"""Outermost: one request context per call; whatever happens inside, an answer is counted and logged in `finally`."""

from starlette.types import ASGIApp, Receive, Scope, Send

from services.middleware.immediate import Immediate
from services.middleware.security_headers import SECURITY_HEADERS
from services.record import Record
from services.request import RequestContext, enter


class Context:
    """Makes the RequestContext, hands its `send` inwards, and records the call if it was answered."""

    def __init__(self, app: ASGIApp, record: Record, immediate: Immediate | None = None) -> None:
        """`immediate` is for the server's protocol: what it takes never comes here."""
        self.app, self._record, self.immediate = app, record, immediate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        context = RequestContext(scope, SECURITY_HEADERS, receive, send)
        scope["modelport"] = context
        enter(context)
        self._record.begin(context)
        try:
            await self.app(scope, receive, context.send)
        finally:
            self._record.end(context)
            # The server's send leads back to the scope: a cycle, which would keep every request's memory from being used
            # again until the garbage collector came by. That cost more than all that is done here.
            del scope["modelport"]
