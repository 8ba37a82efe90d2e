"""The control plane beside BentoML's app: which routes are its own, and the way there."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.errors import MethodNotAllowed, Unavailable
from services.auth_process import RETRY_AFTER_SECONDS
from services.middleware.predictions import read
from services.request import context_of


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of a server without a control plane: nobody comes there."""


class ControlPlane(NamedTuple):
    """An app whose routes only signed-in people may call, but for those that are open to everybody."""

    app: ASGIApp
    routes: Mapping[str, Collection[str]]  # as templates, with their methods
    open: Mapping[str, int]  # and how many may be there at once


NOTHING = ControlPlane(nothing, {}, {})


class ControlRoutes:
    """Hands the control plane what is its own; everything else goes on to BentoML's app.

    Whoever signs in finds one of a few places or is refused (503) before any work is done for them: so a storm of
    wrong passwords costs the predictions of its worker as little as can be.
    """

    def __init__(self, app: ASGIApp, control: ControlPlane) -> None:
        self.app, self._control = app, control
        self._signing_in: Counter[str] = Counter()
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        route = context_of(scope).route
        methods = self._control.routes.get(route)
        if methods is None:
            return await self.app(scope, receive, send)
        if scope["method"] not in methods:  # FastAPI would name those of one of its routes alone
            raise MethodNotAllowed(
                "This address does not take that method.", headers={"Allow": ", ".join(sorted(methods))}
            )
        await (self._sign_in if route in self._control.open else self._control.app)(scope, receive, send)

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        route, body = context.route, await read(receive)  # whoever sends slowly takes up no place, and no turn
        if body is None:
            context.left = True
            return
        if self._signing_in[route] >= self._control.open[route]:
            message = "Too many people sign in at this moment: try again shortly"
            raise Unavailable(message, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        self._signing_in[route] += 1
        try:
            async with self._turn:  # twenty at once would keep the loop from predictions for as many milliseconds
                await self._control.app(scope, _given(body, receive), send)
        finally:
            self._signing_in[route] -= 1


def _given(body: bytes, receive: Receive) -> Receive:
    """What hands over a body that has been read, and then whatever still comes."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return left.pop() if left else await receive()

    return given
