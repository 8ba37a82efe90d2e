"""The clients of an event loop: made when first needed, kept connected, closed at its end."""

import asyncio
from importlib import import_module
from typing import Protocol
from weakref import WeakKeyDictionary

from registry.settings import Settings
from services.descriptions.description import Provider
from services.descriptions.question import Question

_CLIENTS: dict[Provider, tuple[str, str]] = {
    "openai": ("services.descriptions.openai_chat", "OpenAI"),
    "anthropic": ("services.descriptions.anthropic_messages", "Anthropic"),
}


class Client(Protocol):
    """A provider."""

    async def ask(self, question: Question) -> object:
        """What the model wrote, which may be anything; raises Failed."""

    async def close(self) -> None:
        """Hang up."""


class Desk:
    """What one event loop has under way and open."""

    def __init__(self) -> None:
        self.under_way = 0
        self._clients: dict[Provider, Client] = {}
        self._making = asyncio.Lock()

    async def client(self, provider: Provider, chosen: Settings) -> Client:
        """The provider's client; ImportError when its SDK is not installed."""
        async with self._making:
            if provider not in self._clients:
                # In a thread: the SDK takes a second to import, and certificates some time to read.
                self._clients[provider] = await asyncio.to_thread(_make, provider, chosen)
            return self._clients[provider]

    async def close(self) -> None:
        """Close every client."""
        while self._clients:
            await self._clients.popitem()[1].close()


_desks: WeakKeyDictionary[asyncio.AbstractEventLoop, Desk] = WeakKeyDictionary()


def desk() -> Desk:
    """The running loop's."""
    return _desks.setdefault(asyncio.get_running_loop(), Desk())


async def close() -> None:
    """Close what the running loop has open; a description asked for later opens it anew."""
    if (left := _desks.pop(asyncio.get_running_loop(), None)) is not None:
        await left.close()


def _make(provider: Provider, chosen: Settings) -> Client:
    module, name = _CLIENTS[provider]
    made: Client = getattr(import_module(module), name)(chosen)
    return made
