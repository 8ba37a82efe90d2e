"""Refuses a body over the limit: by its declared length before reading, by counting where there is none (chunked)."""

from starlette.types import Message, Receive

from registry.errors import InvalidInput, PayloadTooLarge
from services.request import RequestContext

UPLOADS = frozenset(("/models", "/models/"))  # where a model is sent, which is written to the disk as it comes


class BodyLimit:
    """Raises PayloadTooLarge (413). The server itself holds a body to its declared Content-Length."""

    def __init__(self, max_bytes: int, max_upload: int | None = None) -> None:
        """`max_upload` holds for the bodies of uploads alone; without it they are like any other."""
        self._max, self._max_upload = max_bytes, max_upload or max_bytes

    def __call__(self, context: RequestContext) -> None:
        most = self._max_upload if context.route in UPLOADS and context.method == "POST" else self._max
        declared = context.incoming.get(b"content-length")
        if declared is None:
            context.receive = self._counted(context, context.receive, most)
        elif not declared.isdigit():
            raise InvalidInput("Content-Length is not a number.")
        elif len(declared) > 15 or int(declared) > most:
            raise self._refusal(most)

    def _counted(self, context: RequestContext, receive: Receive, most: int) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                context.fault = self._refusal(most)
                raise context.fault
            return message

        return counted

    def _refusal(self, most: int) -> PayloadTooLarge:
        return PayloadTooLarge(
            f"The body is larger than {most} bytes.",
            details={"max_bytes": most},
            headers={"connection": "close"},
        )
