"""Outermost: one request context per call; whatever happens inside, an answer is counted and logged in `finally`."""

from starlette.types import ASGIApp, Receive, Scope, Send

from services.middleware.immediate import TAKES_NOTHING, Immediate
from services.middleware.security_headers import FOR_DATA
from services.peer import NO_PROXIES, Peer, Proxies
from services.record import Record
from services.request import RequestContext, enter


class Context:
    """Makes the RequestContext, hands its `send` inwards, and records the call if it was answered."""

    def __init__(
        self, app: ASGIApp, record: Record, immediate: Immediate = TAKES_NOTHING, proxies: Proxies = NO_PROXIES
    ) -> None:
        """`immediate` is for the server's protocol: what it takes never comes here."""
        self.app, self._record, self.immediate, self.proxies = app, record, immediate, proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        peer = self._peer(scope)
        context = RequestContext(scope, peer, FOR_DATA[peer.secure], receive, send)
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

    def _peer(self, scope: Scope) -> Peer:
        """Who calls; the apps inside hear of the same."""
        client = scope.get("client")
        connected = Peer(client[0] if client else "", scope.get("scheme") == "https")
        if not self.proxies.trusts(connected.address):
            return connected
        peer = self.proxies.caller(connected, scope["headers"])
        scope.update(client=(peer.address, 0), scheme="https" if peer.secure else "http")
        return peer
