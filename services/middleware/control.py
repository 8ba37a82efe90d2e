"""The control plane beside BentoML's app: which routes are its own, and the way there."""

from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from services.request import context_of


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of a server without a control plane: nobody comes there."""


class ControlPlane(NamedTuple):
    """An app whose routes only signed-in people may call, but for those that are open to everybody."""

    app: ASGIApp
    routes: frozenset[str]  # as templates
    open: frozenset[str]


NOTHING = ControlPlane(nothing, frozenset(), frozenset())


class ControlRoutes:
    """Hands the control plane what is its own; everything else goes on to BentoML's app."""

    def __init__(self, app: ASGIApp, control: ControlPlane) -> None:
        self.app, self._control = app, control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and context_of(scope).route in self._control.routes:
            return await self._control.app(scope, receive, send)
        await self.app(scope, receive, send)
