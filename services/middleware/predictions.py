"""The direct path: a POST of JSON, or of a form with images, to a known endpoint is answered here, past BentoML's layers."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from registry.catalog import EndpointStatus
from registry.errors import MethodNotAllowed, NotFound, UnsupportedMediaType
from services.directory import EndpointEntry
from services.inference.cache import not_loading
from services.inference.forms import Form, FormHandler
from services.inference.servable import Handler
from services.multipart import is_multipart
from services.request import PREFLIGHT, UNMATCHED, RequestContext, context_of

_PREFIX = "/api/predict/"
_JSON = b"application/json"
_JSON_ONLY = "Send application/json."
_CHARSETS = (b"utf-8", b"utf8", b"us-ascii")

ReadyHandler = Callable[[EndpointEntry, str], Handler | None]
FindHandler = Callable[[EndpointEntry, str], Awaitable[Handler | None]]


class Predictions:
    """Answers every prediction that is asked for in JSON or by a form; what it has no handler for goes on to BentoML's app.

    Raises NotFound (404) for what no route answers, so that BentoML never sees an unknown path.
    """

    def __init__(self, app: ASGIApp, ready: ReadyHandler, find: FindHandler) -> None:
        """`ready` knows the handlers of loaded models; `find` waits for one that is still to be loaded."""
        self.app, self._ready, self._find = app, ready, find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        context = context_of(scope)
        endpoint = context.endpoint
        if context.route == PREFLIGHT:
            return await context.respond(200, b"", b"text/plain")
        if endpoint is None:
            if context.route == UNMATCHED:
                what = "There is no such endpoint." if context.path.startswith(_PREFIX) else "Nothing answers here."
                raise NotFound(what)
            return await self.app(scope, receive, send)
        if context.method != "POST":
            raise MethodNotAllowed("Predictions are asked for with POST.", headers={"allow": "POST"})
        if endpoint.status == EndpointStatus.ERROR:
            raise not_loading(endpoint)
        handler = self._ready(endpoint, context.path) or await self._find(endpoint, context.path)
        if handler is None:
            return await self.app(scope, receive, send)
        answer = await answered(handler, context, receive)
        if answer is None:
            context.left = True
        else:
            await context.respond(200, answer)


async def answered(handler: Handler, context: RequestContext, receive: Receive) -> bytes | None:
    """The answer to a body that is read here; None when the client left."""
    content_type, encoding = context.incoming.get(b"content-type"), context.incoming.get(b"content-encoding")
    on_form: FormHandler | None = getattr(handler, "on_form", None)
    if on_form is not None and (on_form.alone or is_multipart(content_type)):
        check_plain(encoding)
        values = await read_form(receive, Form(content_type or b"", on_form.fields))
        return None if values is None else await on_form.answer(values, context.id)
    check_json(
        content_type, encoding, _JSON_ONLY if on_form is None else "Send multipart/form-data or application/json."
    )
    body = await read(receive)
    return None if body is None else await handler(body, context.id)


def check_json(content_type: bytes | None, encoding: bytes | None, otherwise: str = _JSON_ONLY) -> None:
    """Refuse any body that isn't plain JSON; no content type at all counts as JSON."""
    if content_type == _JSON and encoding is None:
        return
    kind, _, parameters = (content_type or _JSON).partition(b";")
    if kind.strip().lower() not in (_JSON, b""):
        raise UnsupportedMediaType(otherwise)
    for name, _, value in (parameter.partition(b"=") for parameter in parameters.split(b";")):
        if name.strip().lower() == b"charset" and value.strip(b' "').lower() not in _CHARSETS:
            raise UnsupportedMediaType("Send JSON as UTF-8.")
    check_plain(encoding)


def check_plain(encoding: bytes | None) -> None:
    """Refuse a body that is compressed."""
    if encoding not in (None, b"identity"):
        raise UnsupportedMediaType("Send the body without a content encoding.")


async def read_form(receive: Receive, form: Form) -> dict[str, Any] | None:
    """What a form holds, read as it comes, or None when the client left."""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        form.feed(message.get("body", b""))
        more = message.get("more_body", False)
    form.end()
    return form.values


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
