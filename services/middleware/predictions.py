"""The direct path: a POST of JSON to a known endpoint is validated, predicted and answered here, past BentoML's layers."""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from registry.catalog import EndpointStatus
from registry.errors import MethodNotAllowed, UnsupportedMediaType
from services.directory import EndpointEntry
from services.inference.cache import not_loading
from services.inference.servable import Handler
from services.request import context_of

FindHandler = Callable[[EndpointEntry, str], Awaitable[Handler | None]]


class Predictions:
    """Answers every JSON prediction; what it has no handler for goes on to BentoML's app."""

    def __init__(self, app: ASGIApp, find: FindHandler) -> None:
        self.app, self._find = app, find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        context = context_of(scope)
        endpoint = context.endpoint
        if endpoint is None:
            return await self.app(scope, receive, send)
        context.route = endpoint.path if not endpoint.import_path else context.path
        if context.method != "POST":
            raise MethodNotAllowed("Predictions are asked for with POST.", headers={"allow": "POST"})
        if endpoint.status == EndpointStatus.ERROR:
            raise not_loading(endpoint)
        handler = await self._find(endpoint, context.path)
        if handler is None:
            return await self.app(scope, receive, send)
        check_json(context.incoming.get(b"content-type"), context.incoming.get(b"content-encoding"))
        body = await read(receive)
        if body is not None:
            await context.respond(200, await handler(body, context.id))


def check_json(content_type: bytes | None, encoding: bytes | None) -> None:
    """Refuse any body that isn't plain JSON; no content type at all counts as JSON."""
    kind = (content_type or b"application/json").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise UnsupportedMediaType("Send application/json.")
    if encoding not in (None, b"identity"):
        raise UnsupportedMediaType("Send the body without a content encoding.")


async def read(receive: Receive) -> bytes | None:
    """The whole body, or None when the client left."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body"):
        return body
    chunks = [body]
    while message["type"] == "http.request" and message.get("more_body"):
        message = await receive()
        chunks.append(message.get("body", b""))
    return b"".join(chunks) if message["type"] == "http.request" else None
