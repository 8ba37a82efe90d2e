"""In the hub, what a service depends on are the hub's own endpoints: no process of their own, no second copy of a model.

BentoML would make an instance for each service that depends on it. The endpoint that answers at a dependency's routes
is loaded, replaced and switched off under its own name, and so is then what it does for others.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from types import SimpleNamespace
from typing import Any

from registry.errors import Unavailable

Ask = Callable[[str, bytes], Awaitable[bytes]]  # a route and a body of JSON to the answer's body
Call = Callable[..., Coroutine[Any, Any, Any]]


def link(service: Any, ask: Ask, loop: asyncio.AbstractEventLoop) -> None:
    """Let a service, imported for the hub alone, call endpoints of the hub where it calls its dependencies."""
    for name, dependency in service.dependencies.items():
        if dependency.on is not None:
            setattr(service.inner, name, Neighbour(dependency.on, ask, loop))


def unavailable(path: str) -> Unavailable:
    """The answer of a service that needs an endpoint which isn't there."""
    return Unavailable(f"This needs what answers at {path}, and no active endpoint does at present.", {"needs": path})


class Neighbour:
    """Has the methods of a service, as BentoML's own proxy has them; each is a call of the endpoint with its route."""

    def __init__(self, service: Any, ask: Ask, loop: asyncio.AbstractEventLoop) -> None:
        """`loop` is where requests are answered: a method that isn't async is called in a thread, and waits for it."""
        self.to_async, self.to_sync = SimpleNamespace(), SimpleNamespace()
        for name, api in service.apis.items():
            call = partial(_call, api, ask)
            wait = partial(_wait, call, loop)
            setattr(self.to_async, name, call)
            setattr(self.to_sync, name, wait)
            setattr(self, name, call if inspect.iscoroutinefunction(api.func) else wait)


async def _call(api: Any, ask: Ask, *arguments: Any, **keywords: Any) -> Any:
    body = api.input_spec.from_inputs(*arguments, **keywords).model_dump_json(by_alias=True, exclude_unset=True)
    answer = api.output_spec.model_validate_json(await ask(api.route, body.encode()))
    return getattr(answer, "root", answer)


def _wait(call: Call, loop: asyncio.AbstractEventLoop, *arguments: Any, **keywords: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(call(*arguments, **keywords), loop).result()
