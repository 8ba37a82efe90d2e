"""A prediction from its bytes to its answer's: for the server's protocol, without a scope, without messages.

What a request must pass, what it costs its key, what is answered and what is recorded are the same as in the layers,
and come from the same places. Only requests that need no more than that are taken: a loaded model, a small body of known
length. All others go through the layers. A model that answers faster than a task is made does so in one call.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from registry.catalog import EndpointStatus
from registry.errors import NotFound
from services.directory import Directory
from services.inference.servable import Handler
from services.middleware.checks import Check
from services.middleware.errors import body as error_body
from services.middleware.errors import worded
from services.middleware.predictions import ReadyHandler, check_json
from services.middleware.security_headers import FOR_DATA
from services.peer import Peer
from services.record import Record
from services.request import Header, RequestContext, enter

AtOnce = Callable[[bytes, str], bytes]  # body and request id to the answer's body

LARGEST = 65_536  # bytes of a body


class Taken(NamedTuple):
    """A request whose body is still to come, and who will answer it, at once or later."""

    context: RequestContext
    handler: Handler
    at_once: AtOnce | None


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: list[Header]
    fixed: bytes  # the lines of those that never change
    body: bytes


class Immediate:
    """Takes plain predictions, and answers them."""

    def __init__(
        self, directory: Directory, checks: Sequence[Check], ready: ReadyHandler, record: Record, max_body: int
    ) -> None:
        self._directory, self._checks, self._ready, self._record = directory, tuple(checks), ready, record
        self._largest = min(max_body, LARGEST)

    def take(self, url: bytes, headers: list[Header], peer: Peer) -> Taken | None:
        """A POST with these headers to an endpoint whose model is loaded; None for any other."""
        path = url.decode("latin-1")
        endpoint = self._directory.paths.get(path)
        if endpoint is None or endpoint.status == EndpointStatus.ERROR:
            return None
        handler = self._ready(endpoint, path)
        if handler is None:
            return None
        at_once: AtOnce | None = getattr(handler, "at_once", None)
        if at_once is None and getattr(handler, "on_form", None) is not None:
            return None  # it may be one
        context = RequestContext({"method": "POST", "path": path, "headers": headers}, peer, FOR_DATA[peer.secure])
        declared = context.incoming.get(b"content-length", b"")
        is_small = declared.isdigit() and int(declared) <= self._largest
        return Taken(context, handler, at_once) if is_small else None

    def answer(self, context: RequestContext, predict: AtOnce, body: bytes) -> Answer:
        """The answer to a request that was taken, counted and logged."""
        self._record.begin(context)
        try:
            self._check(context)
            answer = predict(body, context.id)
            context.status = 200
        except Exception as error:  # the last line of defence, as in Checks
            answer = _refused(context, error)
        finally:
            self._record.end(context)
        return _whole(context, answer)

    async def answer_later(self, context: RequestContext, handler: Handler, body: bytes) -> Answer:
        """The same for a model that is waited for, in a task of its own."""
        enter(context)
        self._record.begin(context)
        try:
            self._check(context)
            answer = await handler(body, context.id)
            context.status = 200
        except Exception as error:
            answer = _refused(context, error)
        finally:
            self._record.end(context)
        return _whole(context, answer)

    def _check(self, context: RequestContext) -> None:
        for check in self._checks:
            check(context)
        if context.endpoint is None:  # it was there when the head came
            raise NotFound("There is no such endpoint.")
        check_json(context.incoming.get(b"content-type"), context.incoming.get(b"content-encoding"))


class TakesNothing(Immediate):
    """Leaves every request to the server: around an app that isn't the platform's."""

    def __init__(self) -> None: ...

    def take(self, url: bytes, headers: list[Header], peer: Peer) -> None:
        """None."""


TAKES_NOTHING = TakesNothing()


def _refused(context: RequestContext, error: Exception) -> bytes:
    told = worded(context, error)
    context.status = told.status
    return error_body(told, context.id)


def _whole(context: RequestContext, body: bytes) -> Answer:
    return Answer(context.status, context.changing(body), context.fixed.lines, body)
