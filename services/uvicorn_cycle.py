"""uvicorn's request without its ceremony: a body that is already there, and a whole answer in one write.

uvicorn's `receive` waits for an event that has been set; its `send` is called twice for an answer, matches every header
with two regular expressions, and writes twice. A small body and headers that are known to be sound need none of it: it
is a fifth of what the platform would cost a request. The server's cycle is taken for uvicorn's own only where its code
uses the names that stand here; with any other, or one that is in another state, the request goes the ordinary way.
"""

from typing import Any

from starlette.types import Receive, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_READ = frozenset(
    ("body", "disconnected", "message_event", "more_body", "response_complete", "waiting_for_100_continue")
)
_WRITTEN = frozenset(
    (
        *("chunked_encoding", "default_headers", "disconnected", "expected_content_length", "flow", "keep_alive"),
        *("message_event", "on_response", "response_complete", "response_started", "scope", "transport"),
        *("waiting_for_100_continue", "write_paused"),
    )
)
_KNOWN = (
    frozenset(RequestResponseCycle.receive.__code__.co_names) >= _READ
    and frozenset(RequestResponseCycle.send.__code__.co_names) >= _WRITTEN
)


def body_at_hand(receive: Receive) -> bytes | None:
    """Take the whole body if it has arrived already; None if it must be received."""
    cycle: Any = getattr(receive, "__self__", None)
    if type(cycle) is not RequestResponseCycle or not _KNOWN:
        return None
    if cycle.more_body or cycle.disconnected or cycle.response_complete or cycle.waiting_for_100_continue:
        return None
    body = bytes(cycle.body)
    cycle.body = bytearray()
    cycle.message_event.clear()
    return body


def write_whole(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
    """Write a whole answer whose headers (`content-length` among them) are sound; False if it must be sent instead."""
    cycle: Any = getattr(send, "__self__", None)
    if type(cycle) is not RequestResponseCycle or not _KNOWN:
        return False
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused or not cycle.keep_alive:
        return False
    if cycle.scope["method"] == "HEAD":
        return False
    cycle.response_started, cycle.waiting_for_100_continue = True, False
    content = [STATUS_LINE[status]]
    for name, value in (*cycle.default_headers, *headers):
        content += (name, b": ", value, b"\r\n")
    content += (b"\r\n", body)
    cycle.transport.write(b"".join(content))
    cycle.response_complete = True
    cycle.message_event.set()
    cycle.on_response()
    return True
