"""`python ask.py BENTO KEY direct|bentoml PATH`: sends the bodies on standard input to a Bento's whole app, in one of two ways.

Prints what was answered, without what differs from call to call, and what the metrics counted.
"""

import asyncio
import json
import sys
from typing import Any

import bentoml

from services import worker
from services.packaging.in_process import running


async def nobody(self: Any, endpoint: Any, path: str) -> None:
    """No handler: the request goes on to BentoML's own route."""


async def main(bento: str, key: str, way: str, path: str) -> None:
    """Ask them all."""
    if way == "bentoml":
        worker.Worker.handler = nobody  # type: ignore[method-assign]
    service: Any = bentoml.load(bento)
    async with running(service.to_asgi()) as client:
        client.headers["X-API-Key"] = key
        answers = []
        for body in json.load(sys.stdin):
            answer = await client.post(path, content=body.encode(), headers={"content-type": "application/json"})
            content = answer.json()
            content.pop("request_id", None) if isinstance(content, dict) else None
            answers.append([answer.status_code, content])
        metrics = (await client.get("/metrics")).text.splitlines()
        counted = sorted(line for line in metrics if line.startswith("bentoml_service_request_total") and path in line)
    print(json.dumps([answers, counted]))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
