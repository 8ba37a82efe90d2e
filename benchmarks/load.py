"""A closed-loop HTTP client over keep-alive connections, in a process of its own: how many answers a second, how late."""

import asyncio
import json
import sys
from time import perf_counter
from typing import Any


async def connection(port: int, request: bytes, until: float, latencies: list[float], statuses: dict[int, int]) -> None:
    """Send the request again as soon as it is answered, until the clock says stop."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while perf_counter() < until:
        started = perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(perf_counter() - started)
        status = int(head[9:12])
        statuses[status] = statuses.get(status, 0) + 1
    writer.close()


async def run(port: int, path: str, key: str, body: bytes, connections: int, seconds: float) -> dict[str, Any]:
    """Requests a second and latencies in milliseconds over all connections."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    started = perf_counter()
    clients = [connection(port, request, started + seconds, latencies, statuses) for _ in range(connections)]
    await asyncio.gather(*clients)
    latencies.sort()
    at = lambda share: latencies[int(share * (len(latencies) - 1))] * 1e3  # noqa: E731
    rate = len(latencies) / (perf_counter() - started)
    return {"rate": rate, "p50": at(0.5), "p99": at(0.99), "statuses": statuses}


def main() -> None:
    """`python -m benchmarks.load ORDER`, an order as JSON; prints the result as JSON."""
    import uvloop

    order = json.loads(sys.argv[1])
    body = order.pop("body").encode()
    print(json.dumps(uvloop.run(run(**order, body=body))))


if __name__ == "__main__":
    main()
