"""Refuses a body over the limit: by its declared length before reading, by counting where there is none (chunked)."""

from starlette.types import Message, Receive

from registry.errors import InvalidInput, PayloadTooLarge
from services.inference.forms import OVERHEAD
from services.multipart import is_multipart
from services.request import RequestContext

UPLOADS = frozenset(("/models", "/models/"))  # where a model is sent, which is written to the disk as it comes


class BodyLimit:
    """Raises PayloadTooLarge (413). The server itself holds a body to its declared Content-Length."""

    def __init__(
        self, max_bytes: int, max_upload: int | None = None, max_image: int | None = None, max_images: int | None = None
    ) -> None:
        """`max_upload` holds for the bodies of uploads alone, `max_image` and `max_images` for what the forms of an
        endpoint carry that takes one image or several; without them these bodies are like any other.
        """
        self._max, self._max_upload = max_bytes, max_upload or max_bytes
        forms = {"one": max_image, "many": max_images}
        self._forms = {kind: most + OVERHEAD for kind, most in forms.items() if most is not None}
        self._any = min(self._max, self._max_upload, *self._forms.values())  # is let through wherever it goes

    def __call__(self, context: RequestContext) -> None:
        declared = context.incoming.get(b"content-length")
        if declared is None:
            context.receive = self._counted(context, context.receive, self._most(context))
        elif not declared.isdigit():
            raise InvalidInput("Content-Length is not a number.")
        elif len(declared) > 15 or (int(declared) > self._any and int(declared) > self._most(context)):
            raise self._refusal(self._most(context))

    def _most(self, context: RequestContext) -> int:
        if context.endpoint is not None and is_multipart(context.incoming.get(b"content-type")):
            return self._forms.get(context.endpoint.images_at(context.path) or "", self._max)
        return self._max_upload if context.route in UPLOADS and context.method == "POST" else self._max

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
