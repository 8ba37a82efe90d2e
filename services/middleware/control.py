"""The control plane beside BentoML's app: which routes are its own, and the way there."""

from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from registry.errors import Unavailable
from services.request import context_of
from services.security.hashing import RETRY_AFTER_SECONDS

PLACES = 16  # for people who sign in, of each worker: one password is verified, the others wait about a second


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of a server without a control plane: nobody comes there."""


class ControlPlane(NamedTuple):
    """An app whose routes only signed-in people may call, but for those that are open to everybody."""

    app: ASGIApp
    routes: frozenset[str]  # as templates
    open: frozenset[str]


NOTHING = ControlPlane(nothing, frozenset(), frozenset())


class ControlRoutes:
    """Hands the control plane what is its own; everything else goes on to BentoML's app.

    Whoever signs in finds one of a few places or is refused (503) before any work is done for them: so a storm of
    wrong passwords costs the predictions of its worker as little as can be.
    """

    def __init__(self, app: ASGIApp, control: ControlPlane) -> None:
        self.app, self._control, self._signing_in = app, control, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        route = context_of(scope).route
        if route in self._control.open:
            await self._sign_in(scope, receive, send)
        else:
            await (self._control.app if route in self._control.routes else self.app)(scope, receive, send)

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._signing_in >= PLACES:
            message = "Too many people sign in at this moment: try again shortly"
            raise Unavailable(message, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        self._signing_in += 1
        try:
            await self._control.app(scope, receive, send)
        finally:
            self._signing_in -= 1
