"""Runs a service's whole app in this process, without a port: for the replay of an export, and for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.types import ASGIApp, Message


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """Start the app's lifespan, give a client for it, shut it down; RuntimeError when it doesn't start."""
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    lifespan = asyncio.ensure_future(app(scope, to_app.get, from_app.put))
    await _step("startup", to_app, from_app, lifespan)
    try:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://in-process", timeout=60) as client:
            yield client
    finally:
        await _step("shutdown", to_app, from_app, lifespan)
        await lifespan


async def _step(name: str, to_app: "asyncio.Queue[Message]", from_app: "asyncio.Queue[Message]", lifespan: Any) -> None:
    await to_app.put({"type": f"lifespan.{name}"})
    answer = asyncio.ensure_future(from_app.get())
    await asyncio.wait((answer, lifespan), return_when=asyncio.FIRST_COMPLETED)
    if not answer.done():
        answer.cancel()
        await lifespan  # raises what went wrong
        raise RuntimeError(f"the app ended during {name}")
    if answer.result()["type"] != f"lifespan.{name}.complete":
        raise RuntimeError(str(answer.result().get("message") or f"the app failed at {name}"))
