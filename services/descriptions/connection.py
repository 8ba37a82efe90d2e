"""The HTTP connection under a provider's SDK. Imported when it is first used: it needs the extra `descriptions`.

The SDKs read keys, headers, addresses and proxies from the environment. Here only our settings count: what isn't named
below is not sent, whoever added it, and no proxy is used.
"""

from collections.abc import AsyncIterator, Mapping
from typing import cast

import httpx2

from services import __version__

LONGEST_ANSWER = 256 * 1024  # bytes; an answer of a few sentences has two thousand
_SENT = ("content-type", "content-length", "accept", "anthropic-version")


class Unreadable(httpx2.TransportError):
    """The answer is too long, or compressed though that was not asked for."""


def http_client(credentials: Mapping[str, str], most: int) -> httpx2.AsyncClient:
    """A client that knows no environment, follows no redirect, and leaves it to its caller to lose patience."""
    transport = _Transport(credentials, httpx2.Limits(max_connections=most, max_keepalive_connections=most))
    return httpx2.AsyncClient(transport=transport, trust_env=False, timeout=None, follow_redirects=False)


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, credentials: Mapping[str, str], limits: httpx2.Limits) -> None:
        super().__init__(trust_env=False, limits=limits)
        self._own = {**credentials, "user-agent": f"modelport/{__version__}", "accept-encoding": "identity"}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request with our headers alone; the answer's body ends with Unreadable when it is too long."""
        headers = {"host": request.url.netloc.decode("ascii")}
        headers |= {name: request.headers[name] for name in _SENT if name in request.headers}
        ours = httpx2.Request(
            request.method,
            request.url,
            headers={**headers, **self._own},
            stream=request.stream,
            extensions=request.extensions,
        )
        response = await super().handle_async_request(ours)
        stream = cast(httpx2.AsyncByteStream, response.stream)
        if response.headers.get("content-encoding", "identity") != "identity":
            await stream.aclose()
            raise Unreadable("compressed")
        response.stream = _Bounded(stream)
        return response


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for part in self._stream:
            length += len(part)
            if length > LONGEST_ANSWER:
                raise Unreadable("too long")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
