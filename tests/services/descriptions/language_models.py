"""A server of this machine that speaks what OpenAI and Anthropic speak, and does what a test tells it to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from registry.settings import settings
from services import descriptions
from services.descriptions import Provider

KEY = "sk-marker-5e3c7e7"
GENEROUS = "60"  # seconds, where time is not what a test is about


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: Any
    at: float


Reply = Callable[["LanguageModel", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class LanguageModel:
    """Gives one reply after the other, and the last one for ever; remembers what it was asked."""

    replies: list[Reply]
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    opened: int = 0
    port: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until that is so of what it was asked or of its connections."""
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(condition)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until the other side hangs up."""
        self.connections += 1
        self.opened += 1
        replying: asyncio.Task[None] | None = None
        try:
            while asked := await read(reader):
                reply = self.replies[min(len(self.asked), len(self.replies) - 1)]
                self.asked.append(asked)
                await self._tell()
                replying = asyncio.ensure_future(reply(self, writer))  # beside reading, to notice who hangs up
        except ConnectionError:
            pass
        finally:
            if replying is not None:
                replying.cancel()
                await asyncio.gather(replying, return_exceptions=True)
            self.connections -= 1
            writer.close()
            await self._tell()

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


async def read(reader: asyncio.StreamReader) -> Asked | None:
    """The next request of a connection; None once there is none."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Asked(head[0].split()[1], headers, json.loads(body), asyncio.get_running_loop().time())


@asynccontextmanager
async def language_model(*replies: Reply) -> AsyncIterator[LanguageModel]:
    """One that listens; what we opened to it is closed at the end."""
    model = LanguageModel(list(replies))
    server = await asyncio.start_server(model.connected, "127.0.0.1", 0)
    model.port = server.sockets[0].getsockname()[1]
    try:
        yield model
    finally:
        await descriptions.close()
        await model.until(lambda: model.connections == 0)
        server.close()
        await server.wait_closed()


def answer(status: int, body: bytes, **headers: str) -> Reply:
    """A complete answer; a header's name is written with `_`."""
    kind = headers.pop("content_type", "application/json")
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    async def reply(model: LanguageModel, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return reply


def when_released(then: Reply) -> Reply:
    """The same answer, as soon as the test says so."""

    async def reply(model: LanguageModel, writer: asyncio.StreamWriter) -> None:
        await model.released.wait()
        await then(model, writer)

    return reply


async def never(model: LanguageModel, writer: asyncio.StreamWriter) -> None:
    """No answer at all."""
    await asyncio.Event().wait()


async def drip(model: LanguageModel, writer: asyncio.StreamWriter) -> None:
    """The first half of an answer, one byte at a time, without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def hang_up(model: LanguageModel, writer: asyncio.StreamWriter) -> None:
    """Half an answer, and the end of the connection."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{")
    writer.close()


@dataclass(frozen=True)
class Wire:
    """What a provider's API looks like from outside."""

    provider: Provider
    base: str  # what the base URL has for a path
    path: str
    credentials: tuple[str, str]
    said: Callable[[object], object]
    declined: object
    text_of: Callable[[Any], str]
    images_of: Callable[[Any], list[str]]

    def says(self, text: object) -> Reply:
        """A success in which the model wrote that."""
        return answer(200, json.dumps(self.said(text)).encode())

    def fails(self, status: int, **headers: str) -> Reply:
        """An error, whose message gives away the key."""
        error = {"type": "error", "error": {"type": "some_error", "message": f"Incorrect key: {KEY}"}}
        return answer(status, json.dumps(error).encode(), **headers)


def _completion(text: object, refusal: str | None = None) -> object:
    message = {"role": "assistant", "content": text, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": 90, "completion_tokens": 9, "total_tokens": 99}
    known = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1790000000, "model": "m"}
    return {**known, "choices": [choice], "usage": usage}


def _message(text: object, stop_reason: str = "end_turn") -> object:
    known = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
    content = [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "text", "text": text}]
    usage = {"input_tokens": 90, "output_tokens": 9}
    return {**known, "content": content, "stop_reason": stop_reason, "usage": usage}


OPENAI = Wire(
    provider="openai",
    base="/v1",
    path="/v1/chat/completions",
    credentials=("authorization", f"Bearer {KEY}"),
    said=_completion,
    declined=_completion(None, refusal="I can't help with that."),
    text_of=lambda body: str(body["messages"][1]["content"][0]["text"]),
    images_of=lambda body: [
        part["image_url"]["url"].removeprefix("data:image/jpeg;base64,")
        for part in body["messages"][1]["content"]
        if part["type"] == "image_url"
    ],
)
ANTHROPIC = Wire(
    provider="anthropic",
    base="",
    path="/v1/messages",
    credentials=("x-api-key", KEY),
    said=_message,
    declined=_message("", stop_reason="refusal"),
    text_of=lambda body: str(next(part["text"] for part in body["messages"][0]["content"] if part["type"] == "text")),
    images_of=lambda body: [
        part["source"]["data"] for part in body["messages"][0]["content"] if part["type"] == "image"
    ],
)
both = pytest.mark.parametrize("wire", [OPENAI, ANTHROPIC], ids=lambda wire: wire.provider)


def configure(patch: pytest.MonkeyPatch, wire: Wire, port: int, **others: str) -> None:
    """Settings with which that provider's API is the server at the port."""
    name = wire.provider.upper()
    chosen = {f"{name}_API_KEY": KEY, f"{name}_BASE_URL": f"http://127.0.0.1:{port}{wire.base}"}
    for setting, value in {"DESCRIBE_SECONDS": GENEROUS, **chosen, **others}.items():
        patch.setenv(f"MODELPORT_{setting}", value)
    settings.cache_clear()
