"""A prediction from its bytes to its answer's in one call: for the server's protocol, where nothing has to be awaited.

What a request must pass, what it costs its key, what is answered and what is recorded are the same as in the layers,
and come from the same places. Only requests that need no more than that are taken: a loaded model that answers faster
than a task is made, a small body of known length. All others go through the layers.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from registry.catalog import EndpointStatus
from services.directory import Directory
from services.middleware.checks import Check
from services.middleware.errors import body as error_body
from services.middleware.errors import worded
from services.middleware.predictions import ReadyHandler, check_json
from services.middleware.security_headers import FOR_DATA
from services.peer import Peer
from services.record import Record
from services.request import Header, RequestContext

AtOnce = Callable[[bytes, str], bytes]  # body and request id to the answer's body

LARGEST = 65_536  # bytes of a body


class Taken(NamedTuple):
    """A request whose body is still to come, and who will answer it."""

    context: RequestContext
    predict: AtOnce


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: list[Header]
    fixed: bytes  # the lines of those that never change
    body: bytes


class Immediate:
    """Takes predictions that can be answered at once, and answers them."""

    def __init__(
        self, directory: Directory, checks: Sequence[Check], ready: ReadyHandler, record: Record, max_body: int
    ) -> None:
        self._directory, self._checks, self._ready, self._record = directory, tuple(checks), ready, record
        self._largest = min(max_body, LARGEST)

    def take(self, url: bytes, headers: list[Header], peer: Peer) -> Taken | None:
        """A POST with these headers to an endpoint that can answer at once; None for any other."""
        path = url.decode("latin-1")
        endpoint = self._directory.paths.get(path)
        if endpoint is None or endpoint.status == EndpointStatus.ERROR:
            return None
        predict: AtOnce | None = getattr(self._ready(endpoint, path), "at_once", None)
        if predict is None:
            return None
        context = RequestContext({"method": "POST", "path": path, "headers": headers}, peer, FOR_DATA[peer.secure])
        declared = context.incoming.get(b"content-length", b"")
        return Taken(context, predict) if declared.isdigit() and int(declared) <= self._largest else None

    def answer(self, taken: Taken, body: bytes) -> Answer:
        """The answer to a request that was taken, counted and logged."""
        context, predict = taken
        self._record.begin(context)
        try:
            for check in self._checks:
                check(context)
            check_json(context.incoming.get(b"content-type"), context.incoming.get(b"content-encoding"))
            answer = predict(body, context.id)
            context.status = 200
        except Exception as error:  # the last line of defence, as in Checks
            told = worded(context, error)
            answer, context.status = error_body(told, context.id), told.status
        self._record.end(context)
        return Answer(context.status, context.changing(answer), context.fixed.lines, answer)
