"""Refuses a body over the limit: by its declared length before reading, by counting where there is none (chunked)."""

from starlette.types import Message, Receive

from registry.errors import InvalidInput, PayloadTooLarge
from services.request import RequestContext


class BodyLimit:
    """Raises PayloadTooLarge (413). The server itself holds a body to its declared Content-Length."""

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes

    def __call__(self, context: RequestContext) -> None:
        declared = context.incoming.get(b"content-length")
        if declared is None:
            context.receive = self._counted(context, context.receive)
        elif not declared.isdigit():
            raise InvalidInput("Content-Length is not a number.")
        elif len(declared) > 15 or int(declared) > self._max:
            raise self._refusal()

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
