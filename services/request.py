"""What is known of one request while it is answered: one object, one `send`, from the first byte to the log row."""

import random
import re
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.types import Message, Receive, Scope, Send

from registry.errors import PlatformError
from registry.sidecar.frames import PredictionRow
from services.peer import Peer

if TYPE_CHECKING:
    from services.directory import EndpointEntry, KeyEntry
    from services.security.bearer import Identity

Header = tuple[bytes, bytes]

PREFLIGHT = "preflight"  # the route of a browser's question whether it may call; it carries no key
UNMATCHED = "unmatched"  # the route of every path that nothing answers: one label, however many paths

# What a client may call its request: nothing that means anything to a header, a terminal, a page or a database.
_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


_generator = random.Random(random.SystemRandom().getrandbits(64))  # per worker, not per request
_current: ContextVar["RequestContext"] = ContextVar("modelport_request")


async def nobody(*_: Any) -> Any:
    """Receives and sends where there is no server to do it."""
    raise RuntimeError("this request is answered at once: there is nothing to await")


class Fixed:
    """Headers that are the same on every answer, as pairs for the layers and as lines for the server's protocol."""

    def __init__(self, pairs: list[Header]) -> None:
        self.pairs = pairs
        self.lines = b"".join(b"%b: %b\r\n" % pair for pair in pairs)


class Remembered(NamedTuple):
    """A prediction that is to be stored, and its image if that is to be kept."""

    row: PredictionRow
    image: bytes | None


class RequestContext:
    """Owns the clock, the id, the subject and the outgoing headers of one call; inner layers add to it."""

    route = UNMATCHED
    exempt = False  # health, documents and static files: open, unlimited, not logged
    endpoint: "EndpointEntry | None" = None
    key: "KeyEntry | None" = None
    identity: "Identity | None" = None  # who calls, where it is a signed-in user and no key
    status = 0  # 0: not answered yet
    left = False  # the client left before there was an answer
    error: str | None = None  # the error's code, for the log
    at_end: tuple[Callable[[], None], ...] = ()  # what its end brings back, however it ends
    fault: PlatformError | None = None  # what is wrong, where an app that isn't ours would word it otherwise

    def __init__(self, scope: Scope, peer: Peer, fixed: Fixed, receive: Receive = nobody, send: Send = nobody) -> None:
        """`receive` and `send` are the server's; what is answered at once needs neither."""
        self.started = perf_counter()
        self.row_id = request_uuid()  # the log's own: one that a client chose could be there already
        self.scope = scope
        self.peer = peer
        self.fixed = fixed
        self.receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.incoming: dict[bytes, bytes] = dict(scope["headers"])
        given = self.incoming.get(b"x-request-id")
        self.id = self.row_id if given is None or not _SANE_ID.fullmatch(given) else given.decode()
        self.headers: list[Header] = [(b"x-request-id", self.id.encode())]
        self.remembered: list[Remembered] = []  # threads may append
        self._send = send

    async def send(self, message: Message) -> None:
        """The one `send`: notes the status and adds the outgoing headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self.fixed.pairs, *self.headers]
        await self._send(message)

    def changing(self, body: bytes, content_type: bytes = b"application/json") -> list[Header]:
        """The headers of an answer with that body, but for the fixed ones."""
        return [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *self.headers]

    async def respond(self, status: int, body: bytes, content_type: bytes = b"application/json") -> None:
        """Send a whole answer."""
        self.status = status
        headers = [*self.changing(body, content_type), *self.fixed.pairs]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def request_uuid() -> str:
    """A UUIDv7 (RFC 9562) as 32 hexadecimal digits: milliseconds, then 74 random bits; sorts by time."""
    bits = _generator.getrandbits(74)
    value = int(time() * 1000) << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0x2 << 62 | bits & 0x3FFFFFFFFFFFFFFF
    return f"{value:032x}"


def enter(context: RequestContext) -> None:
    """Make `context` the current one for everything that runs below."""
    _current.set(context)


def current() -> RequestContext | None:
    """The request that is being answered, or None outside of one."""
    return _current.get(None)


def request_id() -> str:
    """The id of the request that is being answered: for a typed service's answer. A new one outside of a request."""
    context = current()
    return context.id if context is not None else request_uuid()


def context_of(scope: Scope) -> RequestContext:
    """The context that the outermost layer put into the scope."""
    context: RequestContext = scope["modelport"]
    return context
