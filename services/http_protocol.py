"""uvicorn's HTTP protocol, which answers a prediction where its last byte is parsed: no scope, no task, one write.

That ceremony costs more than checks, model and log together. Parsing stays uvicorn's (llhttp), and so does every request
that is in any way unusual: it is handed over before anything of it is answered.
"""

import asyncio
import math
import os
from typing import Any

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.middleware.context import Context
from services.middleware.immediate import Immediate, Taken

BUSY = math.inf


def install() -> None:
    """Have servers of this process speak it; for any app but the platform's it is uvicorn's own.

    uvicorn would take a client's address from X-Forwarded-For for every caller of this machine, and so let them choose
    whose limits they use up. Only who says which proxies are to be believed wants that.
    """
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{HttpProtocol.__name__}"


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._immediate = immediate_of(self.app)
        self._taken: Taken | None = None
        self._body = b""
        self._idle_since = BUSY  # loop time
        self._timer: asyncio.TimerHandle | None = None

    def on_message_begin(self) -> None:
        """Forget the request before; what uvicorn prepares here is prepared once it is needed."""
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Take the request, or leave it to uvicorn."""
        if self._immediate is not None and self._is_plain():
            self._taken = self._immediate.take(self.url, self.headers)
        if self._taken is None:
            self._leave()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        if self._taken is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer what was taken."""
        taken, body, immediate = self._taken, self._body, self._immediate
        if taken is None or immediate is None:
            return super().on_message_complete()
        self._taken, self._body = None, b""
        status, headers, answer = immediate.answer(taken, body)
        lines = b"\r\n".join(
            map(b": ".join, (*self.server_state.default_headers, *headers))
        )  # our own, so they are sound
        self.transport.write(b"%b%b\r\n\r\n%b" % (STATUS_LINE[status], lines, answer))
        self._answered()

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
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
            and (self.cycle is None or self.cycle.response_complete)
            and self.limit_concurrency is None
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
        left = float(self.timeout_keep_alive)
        if self._idle_since is not BUSY:
            left += self._idle_since - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._close_if_idle)
        else:
            self.timeout_keep_alive_handler()


def immediate_of(app: Any) -> Immediate | None:
    """What the platform's outermost layer offers, whatever uvicorn has put around it."""
    while app is not None and not isinstance(app, Context):
        app = getattr(app, "app", None)
    return app.immediate if app is not None else None
