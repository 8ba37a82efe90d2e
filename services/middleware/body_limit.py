"""Refuses a body over the limit: by its declared length before reading, by counting where there is none (chunked)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.errors import InvalidInput, PayloadTooLarge
from services.request import RequestContext, context_of


class BodyLimit:
    """Raises PayloadTooLarge (413). The server itself holds a body to its declared Content-Length."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app, self._max = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        context = context_of(scope)
        declared = context.incoming.get(b"content-length")
        if declared is None:
            return await self.app(scope, self._counted(context, receive), send)
        if not declared.isdigit():
            raise InvalidInput("Content-Length is not a number.")
        if len(declared) > 15 or int(declared) > self._max:
            raise self._refusal()
        await self.app(scope, receive, send)

    def _counted(self, context: RequestContext, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max:
                context.fault = self._refusal()
                raise context.fault
            return message

        return counted

    def _refusal(self) -> PayloadTooLarge:
        return PayloadTooLarge(
            f"The body is larger than {self._max} bytes.",
            details={"max_bytes": self._max},
            headers={"connection": "close"},
        )
