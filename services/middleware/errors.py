"""One body for every failure: `{"error": {"code", "message", "details"}, "request_id"}`, ours and BentoML's."""

import json
import logging
from traceback import format_exception
from typing import cast

from pydantic_core import ErrorDetails, to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.errors import (
    Conflict,
    Forbidden,
    InternalError,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    PlatformError,
    RateLimited,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from registry.settings import settings
from registry.values import is_loopback
from services.invalid import refusal
from services.middleware.security_headers import FOR_DATA
from services.request import Header, RequestContext, context_of, request_uuid

log = logging.getLogger("modelport.errors")

_BY_STATUS: dict[int, type[PlatformError]] = {
    error.status: error
    for error in (
        *(Unauthenticated, Forbidden, NotFound, MethodNotAllowed),
        *(Conflict, PayloadTooLarge, UnsupportedMediaType, RateLimited),
    )
}


def worded(context: RequestContext, error: Exception) -> PlatformError:
    """The error as its caller may hear of it: a PlatformError itself, or one that says nothing of the inside.

    What is our fault goes to the log; the error's code and headers go to the context.
    """
    if not isinstance(error, PlatformError):
        log.exception("request %s failed", context.id, exc_info=error)
        details = {"traceback": format_exception(error)} if may_see_inside(context) else None
        error = InternalError("Something went wrong here; the request id finds it in the log.", details)
    elif error.status >= 500 and not (isinstance(error, Unavailable) and error.__cause__ is None):
        log.error("request %s failed", context.id, exc_info=error)
    context.error = error.code
    context.headers.extend((name.lower().encode(), value.encode()) for name, value in error.headers.items())
    return error


def may_see_inside(context: RequestContext) -> bool:
    """Whether that is shown at all, and to this caller: somebody at this very machine, with no proxy between."""
    return settings().debug and is_loopback(context.peer.address) and b"x-forwarded-for" not in context.incoming


async def answer(context: RequestContext, error: Exception) -> None:
    """Send the one body; raise instead when an answer is already under way: the server then breaks it off."""
    if context.left and not isinstance(error, PlatformError):
        return
    told = worded(context, error)
    if context.status:
        raise told
    await context.respond(told.status, body(told, context.id))


def body(error: PlatformError, request_id: str) -> bytes:
    """The one error body as JSON."""
    content = {"code": error.code, "message": error.message, "details": error.details}
    return to_json({"error": content, "request_id": request_id})


def refusal_of_bytes(error: PlatformError, secure: bool) -> tuple[list[Header], bytes]:
    """Headers and body for whoever sent what is no request; the connection is of no more use."""
    request_id = request_uuid()
    answer = body(error, request_id)
    own = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer)),
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    return [*own, *FOR_DATA[secure].pairs], answer


class ForeignErrors:
    """Innermost: turns an error answer of BentoML's app or of a mounted app into the PlatformError that it means."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        context = context_of(scope)
        held: list[Message] = []

        async def hold_errors(message: Message) -> None:
            if held or (message["type"] == "http.response.start" and message["status"] >= 400):
                held.append(message)
            else:
                await send(message)

        async def note_leaving() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not context.status:
                context.left = True
            return message

        await self.app(scope, note_leaving, hold_errors)
        if held and not context.left:
            raise context.fault or translate(held)


def translate(messages: list[Message]) -> PlatformError:
    """The PlatformError that a foreign error answer amounts to."""
    status: int = messages[0]["status"]
    headers = {name.decode(): value.decode("latin-1") for name, value in messages[0].get("headers", ())}
    kept = {name: headers[name] for name in ("allow", "retry-after") if name in headers}
    if status == 400:
        return _invalid(b"".join(message.get("body", b"") for message in messages[1:]))
    if status in _BY_STATUS:
        return _BY_STATUS[status](_MESSAGES.get(status, "The request was refused."), headers=kept)
    if status in (503, 504):
        return Unavailable("The service can't answer in time; try again shortly.", headers={"retry-after": "1", **kept})
    if status < 500:
        return InvalidInput("The request was refused.")
    return InternalError("Something went wrong here; the request id finds it in the log.")


_MESSAGES = {
    404: "Nothing answers at this address.",
    405: "This address does not take that method.",
    413: "The body is larger than is accepted here.",
    415: "This content type is not accepted here; send application/json.",
    429: "Too many requests at once.",
}


def _invalid(content: bytes) -> InvalidInput:
    """BentoML's 400: a pydantic report (`detail`), or a message that may quote the payload and is dropped."""
    try:
        errors = [{**error, "loc": tuple(error["loc"])} for error in json.loads(content)["detail"]]
        return refusal(cast("list[ErrorDetails]", errors))
    except (ValueError, KeyError, TypeError, IndexError):
        return InvalidInput("The body could not be read.")
