"""The two contenders: `python -m benchmarks.servers bare|stack ENDPOINT PORT`."""

import sys
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send


def bare(endpoint: str) -> ASGIApp:
    """The endpoint's predictor behind an ASGI app that only reads the body and answers.

    In the same process otherwise: scikit-learn's input checks take longer where pandas has been imported, and BentoML does.
    """
    stack(endpoint)
    from registry.catalog import find_endpoint
    from registry.database import reading
    from services.inference.servable import load_predictor
    from services.middleware.predictions import read

    with reading() as session:
        row = find_endpoint(session, endpoint)
    assert row is not None
    predictor = load_predictor(str(row.model.tag), endpoint, "1")
    headers = [(b"content-type", b"application/json")]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = await predictor(await read(receive) or b"", "0" * 32)
        length = (b"content-length", b"%d" % len(answer))
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": answer})

    return app


def stack(_: str) -> ASGIApp:
    """The hub, with all its layers."""
    from services.platform import Platform

    hub: Any = Platform
    app: ASGIApp = hub.to_asgi()
    return app


if __name__ == "__main__":
    chosen = {"bare": bare, "stack": stack}[sys.argv[1]](sys.argv[2])
    lifespan: Any = "off" if sys.argv[1] == "bare" else "on"
    uvicorn.run(
        chosen, port=int(sys.argv[3]), log_level="warning", access_log=False, server_header=False, lifespan=lifespan
    )
