"""What a request must pass before anything reads its body: check after check, each a plain function of its context.

They are no layers of their own, nor is the answer to what they refuse: a coroutine for each would cost more than most
of them take.
"""

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from services.middleware.errors import answer
from services.request import RequestContext, context_of

Check = Callable[[RequestContext], None]  # raises the PlatformError that refuses the request


class Checks:
    """Lets a request in once every check has let it pass; whatever refuses it or fails inside, the caller is answered.

    A websocket is never let in, for nothing here speaks it.
    """

    def __init__(self, app: ASGIApp, checks: Sequence[Check]) -> None:
        self.app, self._checks = app, tuple(checks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = context_of(scope)
            try:
                for check in self._checks:
                    check(context)
                await self.app(scope, context.receive, send)
            except Exception as error:
                await answer(context, error)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self.app(scope, receive, send)
