"""uvicorn's HTTP protocol as far as it is to refuse: what is no HTTP, or has no end of headers, in the platform's words."""

import asyncio
import logging
from functools import partial
from typing import Any

import httptools
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from registry.errors import HeadersTooLarge, InternalError, InvalidInput, PlatformError, RequestTimeout
from services.middleware.context import Context
from services.middleware.errors import refusal_of_bytes
from services.peer import NO_PROXIES, Peer

LARGEST_HEAD = 65_536  # bytes of target and headers
MOST_HEADERS = 100
PATIENCE = 30.0  # seconds between two pieces of a request; who sends none at all is not waited for longer either
HEAD_LOOKS = 4  # times that PATIENCE may pass over one head: a byte now and then holds a connection for two minutes
_TOO_LARGE = f"At most {MOST_HEADERS} headers, and {LARGEST_HEAD} bytes of them, are read here."
_UPGRADING = {b"upgrade", b"http2-settings"}
# What uvicorn's reading of a request's target raises: no URL, no ASCII, no path.
_OF_A_BAD_TARGET = (httptools.HttpParserError, ValueError, AttributeError)

log = logging.getLogger("modelport.errors")


class RefusingProtocol(HttpToolsProtocol):
    """One connection; whoever parses on says by `_in_head` and `_more` where a head begins and ends."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._layers = layers_of(self.app)
        self._proxies = NO_PROXIES if self._layers is None else self._layers.proxies
        self._in_head = False
        self._piece = 0  # bytes that are being parsed
        self._more = 0  # bytes of the pieces behind the one that a head began in; below 0 within that one
        self._is_upgrading = False  # what is parsed asks for another protocol, and will be parsed again
        self._is_over = False  # nothing more is read
        self._is_between = True  # two requests: what comes next is a first byte
        self._has_come = False  # a piece since the last look
        self._looking: asyncio.TimerHandle | None = None
        self._looks = 0  # at one head
        if self._layers is not None:
            self.ws_protocol_class = None  # nothing here speaks it: the request is answered as if it hadn't asked

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note who calls; what a listed proxy says of it comes with each request."""
        super().connection_made(transport)
        self._peer = Peer(self.client[0] if self.client else "", self.scheme == "https")
        self._is_proxy = self._proxies.trusts(self._peer.address)
        if self._layers is not None:
            self._looking = self.loop.call_later(PATIENCE, self._look, True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse a piece; who sends what is no HTTP, or no end of headers, is told so and hung up on."""
        if self._layers is None:
            return super().data_received(data)
        if self._is_over:
            return
        self._has_come = True
        self._unset_keepalive_if_required()
        while data:
            data = self._parse(data)

    def _look(self, is_new: bool = False) -> None:
        """Refuse a request of which nothing has come since the last look (where the app is slow to read, nothing can),
        and a head that has no end.
        """
        self._looks += self._in_head
        if self._looks > HEAD_LOOKS:
            return self._refuse(RequestTimeout("The request's head did not come in time."))
        if not self._has_come and not self.flow.read_paused and not self._is_over:
            if not self._is_between:
                return self._refuse(RequestTimeout("The rest of the request did not come in time."))
            if is_new:
                return self.transport.close()
        self._has_come = False
        self._looking = self.loop.call_later(PATIENCE, self._look)

    def _parse(self, data: bytes) -> bytes:
        """Parse; what is to be parsed in its stead, if the server wouldn't be upgraded."""
        self._piece = len(data)
        try:
            self.parser.feed_data(data)
            if self._in_head:
                self._more += self._piece
                if self._more > LARGEST_HEAD:
                    self._refuse(HeadersTooLarge(_TOO_LARGE))
        except httptools.HttpParserUpgrade as paused:
            if self._is_upgrading:
                return self._without_upgrade() + data[paused.args[0] :]
            self._end_after_answer()
        except httptools.HttpParserError as error:
            self._refuse(_worded(error))
        return b""

    def _without_upgrade(self) -> bytes:
        """The head as if it hadn't asked for another protocol (RFC 9110, 7.8), for a parser that would skip the body."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                tokens = (token.strip() for token in value.split(b","))
                value = b", ".join(token for token in tokens if token.lower() not in _UPGRADING)
            if name not in _UPGRADING:
                lines.append(b"%b: %b" % (name, value))
        self._is_upgrading = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
        return b"\r\n".join([*lines, b"", b""])

    def on_chunk_header(self) -> None:
        """A chunk, or behind the last of them trailers: which are as limited as a head, and no headers of the request.

        Whoever checked a request's headers, or took them out for a proxy, never saw what trails (RFC 9110, 6.5.1).
        """
        self._in_head, self._more, self._looks = True, -self._piece, 0
        self.headers = []

    def _measure(self) -> None:
        """HeadersTooLarge where that is so; a piece may be large for what came before the head, or behind it."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if self._layers is not None and (len(self.headers) > MOST_HEADERS or size > LARGEST_HEAD):
            raise HeadersTooLarge(_TOO_LARGE)

    def _refuse(self, error: PlatformError) -> None:
        """Answer what can't be read, unless that would be taken for another request's answer; then hang up."""
        self._is_over = True
        cycle = self.cycle
        if cycle is not None and cycle.more_body and cycle.response_complete:
            self.transport.close()  # what can't be read is the rest of what was answered
        elif cycle is not None and cycle.more_body and self.pipeline:
            cycle.more_body = cycle.keep_alive = False
            self.pipeline[0] = cycle, partial(_refused, error, self._peer.secure)  # in its turn
        elif cycle is None or cycle.response_complete or (cycle.more_body and not cycle.response_started):
            headers, answer = refusal_of_bytes(error, self._peer.secure)
            lines = b"\r\n".join(map(b": ".join, (*self.server_state.default_headers, *headers)))
            self.transport.write(b"%b%b\r\n\r\n%b" % (STATUS_LINE[error.status], lines, answer))
            self.transport.close()
        elif cycle.more_body:
            self.transport.close()
        else:
            self._end_after_answer()  # of the request before, which was whole

    def _end_after_answer(self) -> None:
        """What follows a wish to upgrade can't be parsed."""
        self._is_over = True
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False


def _worded(error: httptools.HttpParserError) -> PlatformError:
    """What is wrong with the bytes that came; or here, where a callback of the parser failed for none of theirs."""
    reason = error.__context__
    if isinstance(reason, PlatformError):
        return reason
    if isinstance(error, httptools.HttpParserCallbackError) and not isinstance(reason, _OF_A_BAD_TARGET):
        log.error("a request failed outside of its layers", exc_info=error)
        return InternalError("Something went wrong here.")
    return InvalidInput("This is no valid HTTP request.")


async def _refused(error: PlatformError, secure: bool, _scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer what can't be read where its turn has yet to come."""
    headers, answer = refusal_of_bytes(error, secure)
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def layers_of(app: Any) -> Context | None:
    """The platform's outermost layer, whatever uvicorn has put around it."""
    while app is not None and not isinstance(app, Context):
        app = getattr(app, "app", None)
    return app
