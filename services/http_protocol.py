"""uvicorn's HTTP protocol, which answers a prediction where its last byte is parsed: no scope, no task, one write.

That ceremony costs more than checks, model and log together. Parsing stays uvicorn's (llhttp), and so does every request
that is in any way unusual: it is handed over before anything of it is answered.
"""

import os
from collections.abc import Iterable
from typing import Any

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.middleware.context import Context
from services.middleware.immediate import Immediate, Taken
from services.request import Header


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
        if self._taken is None:
            return super().on_message_complete()
        taken, body = self._taken, self._body
        self._taken, self._body = None, b""
        status, headers, answer = self._immediate.answer(taken, body)  # type: ignore[union-attr]
        self.transport.write(b"".join(lines(status, self.server_state.default_headers, headers, answer)))
        self.on_response_complete()

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


def immediate_of(app: Any) -> Immediate | None:
    """What the platform's outermost layer offers, whatever uvicorn has put around it."""
    while app is not None and not isinstance(app, Context):
        app = getattr(app, "app", None)
    return app.immediate if app is not None else None


def lines(status: int, default: Iterable[Header], headers: Iterable[Header], body: bytes) -> list[bytes]:
    """An answer in pieces; the headers are the platform's own and sound."""
    content = [STATUS_LINE[status]]
    for name, value in (*default, *headers):
        content += (name, b": ", value, b"\r\n")
    content += (b"\r\n", body)
    return content
