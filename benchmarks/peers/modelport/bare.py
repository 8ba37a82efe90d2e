"""Modelport's own predictor with the stack off: `bare.py ENDPOINT PORT`, in a home where the endpoint was exported.

The hub is imported too, so that both processes hold the same modules: scikit-learn's input checks take longer where
pandas has been imported, and BentoML imports it. Reads, validates, predicts and answers as the hub does; no key, limit,
log, metrics or headers.
"""

import gc
import sys
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

import services.platform  # noqa: F401
from registry.catalog import find_endpoint
from registry.database import reading
from services.inference.servable import load_predictor

HEADERS = [(b"content-type", b"application/json")]


def predictor(endpoint: str) -> Any:
    """The handler of an exported endpoint: body and request id to the answer's body."""
    with reading() as session:
        row = find_endpoint(session, endpoint)
    if row is None:
        raise SystemExit(f"no endpoint {endpoint}")
    return load_predictor(str(row.model.tag), endpoint, "1")


def app(handler: Any) -> Any:
    """An ASGI app that only reads the body and answers."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        answer = await handler(body, "0" * 32)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [*HEADERS, (b"content-length", b"%d" % len(answer))],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    return call


if __name__ == "__main__":
    served = app(predictor(sys.argv[1]))
    gc.freeze()  # as the hub does
    uvicorn.run(
        served, port=int(sys.argv[2]), loop="uvloop", http="httptools", lifespan="off",
        log_level="warning", access_log=False, server_header=False,
    )  # fmt: skip
