"""uvicorn's HTTP protocol, which answers a prediction where its last byte is parsed: no scope, no messages, one write.

That ceremony costs more than checks, model and log together. Parsing stays uvicorn's (llhttp), and so does every request
that is in any way unusual: it is handed over before anything of it is answered. A client that asks again on its
connection sends the same head again: what is byte for byte the last one's, but for the length, isn't parsed anew.
"""

import asyncio
import math
import os
from collections.abc import Awaitable, Iterable
from typing import Any

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from services.http_head import Head
from services.http_refusals import LARGEST_HEAD, MOST_HEADERS, RefusingProtocol
from services.middleware.immediate import TAKES_NOTHING, Answer, Taken
from services.request import Header

BUSY = math.inf
CLOSE: Header = (b"connection", b"close")


def install() -> None:
    """Have servers of this process speak it; for any app but the platform's it is uvicorn's own.

    uvicorn would believe X-Forwarded-For of every caller of this machine; whom to believe is said by
    MODELPORT_TRUSTED_PROXIES and looked after by the layers, so uvicorn is told to believe nobody.
    """
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{HttpProtocol.__name__}"


class HttpProtocol(RefusingProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._immediate = TAKES_NOTHING if self._layers is None else self._layers.immediate
        self._taken: Taken | None = None
        self._body = b""
        self._head: Head | None = None
        self._sent = b""  # the bytes that have just come, if the first of them is a request's first
        self._idle_since = BUSY  # loop time
        self._timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Answer a request with the last one's head; have any other parsed."""
        head = self._head
        if head is not None and self._is_between and self._is_free():
            again = head.again(data)
            if again is not None:
                self.headers, body = again
                taken = self._take(head.url)
                if taken is not None:
                    self._unset_keepalive_if_required()
                    return self._reply(taken, body)
        self._sent = data if self._is_between else b""
        super().data_received(data)
        self._sent = b""

    def on_message_begin(self) -> None:
        """Forget the request before; what uvicorn prepares here is prepared once it is needed."""
        self._is_between = False
        self._in_head, self._more, self._looks = True, -self._piece, 0
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Take the request, or leave it to uvicorn."""
        self._in_head = False
        self._idle_since = BUSY  # it may have come along with one that was answered
        if self._more >= 0 or self._piece > LARGEST_HEAD or len(self.headers) > MOST_HEADERS:
            self._measure()
        if self.parser.should_upgrade() and self._layers is not None and self.parser.get_method() != b"CONNECT":
            self._is_upgrading = True
            return
        if self._is_plain():
            self._taken = self._take(self.url)
        if self._taken is None:
            self._leave()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        if self._taken is None:
            self._in_head = False  # what came was a chunk
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer what was taken."""
        self._is_between = True
        taken, body = self._taken, self._body
        if self._is_upgrading:
            return
        if taken is None:
            self._in_head = False
            super().on_message_complete()
            if self.cycle is not None:
                self.cycle.more_body = False  # though it was answered before
            return
        self._taken, self._body = None, b""
        self._head = Head.of(self._sent, self.url, self.headers) or self._head
        self._reply(taken, body)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Let uvicorn wait for the rest of a request that has begun to arrive, as for any other."""
        if self._taken is not None:
            body = self._body
            self._taken, self._body = None, b""
            self._leave()
            if body:
                super().on_body(body)
        super().shutdown()

    def _is_plain(self) -> bool:
        """A POST whose turn it is, on a connection that stays open."""
        parser = self.parser
        return (
            parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not self.expect_100_continue
            and self._is_free()
        )

    def _is_free(self) -> bool:
        """Whether nothing is to be answered or sent before."""
        return (
            not self.flow.write_paused
            and (self.cycle is None or self.cycle.response_complete)
            and self.limit_concurrency is None
        )

    def _take(self, url: bytes) -> Taken | None:
        peer = self._proxies.caller(self._peer, self.headers) if self._is_proxy else self._peer
        return self._immediate.take(url, self.headers, peer)

    def _reply(self, taken: Taken, body: bytes) -> None:
        context, handler, at_once = taken
        if at_once is not None:
            self._write(self._immediate.answer(context, at_once, body))
            return self._answered()
        self.cycle = later = Later()  # type: ignore[assignment]
        task = self.loop.create_task(self._reply_later(later, self._immediate.answer_later(context, handler, body)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _reply_later(self, later: "Later", answer: Awaitable[Answer]) -> None:
        """Answer, then let uvicorn go on with what has come meanwhile, or end as it was told to."""
        try:
            found = await answer
        except BaseException:
            self.transport.close()  # who waits for it must not wait for ever
            raise
        later.response_complete = True
        if not self.transport.is_closing():
            self._write(found, () if later.keep_alive else (CLOSE,))
        if not later.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _write(self, answer: Answer, more: Iterable[Header] = ()) -> None:
        status, headers, fixed, body = answer
        pairs = (*self.server_state.default_headers, *more, *headers)  # our own: they are sound
        self.transport.write(
            b"%b%b\r\n%b\r\n%b" % (STATUS_LINE[status], b"\r\n".join(map(b": ".join, pairs)), fixed, body)
        )

    def _leave(self) -> None:
        """Go uvicorn's way with what has been parsed so far."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _answered(self) -> None:
        """What uvicorn does after an answer, with one timer for the connection instead of one for each request."""
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def _unset_keepalive_if_required(self) -> None:
        """uvicorn's word for: something has arrived."""
        self._idle_since = BUSY
        super()._unset_keepalive_if_required()

    def _close_if_idle(self) -> None:
        """Close the connection once nothing has come since the last answer for as long as is allowed."""
        self._timer = None
        if self._idle_since is BUSY:
            return  # the next answer has it looked at again
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._close_if_idle)
        else:
            self.timeout_keep_alive_handler()


class Later:
    """Stands where uvicorn looks for the cycle of an answer that is still to come: it queues what follows, and says
    when the client has left or the server ends.
    """

    def __init__(self) -> None:
        self.response_complete = self.response_started = self.more_body = self.disconnected = False
        self.keep_alive = True
        self.message_event = asyncio.Event()
