"""`modelport demo`: trains worked systems, exports them, and serves one, or calls them all and shows what came of it."""

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

from cli.output import say

if TYPE_CHECKING:
    from cli.worked_systems import Ready

SERVED = "traffic_classifier"


class Systems(StrEnum):
    """What can be shown."""

    TRAFFIC = "traffic"
    IMAGES = "images"
    ALL = "all"


def demo(
    what: Systems | None = typer.Argument(
        None, help="Train, export and call these, and end; without it, serve the traffic classifier until Ctrl-C."
    ),
    host: str | None = typer.Option(None, "--host", help="Address to listen on; by default 127.0.0.1."),
    port: int | None = typer.Option(None, "--port", min=1, max=65535, help="Port to listen on; by default 3000."),
) -> None:
    """Train an example, export it and serve it, ready to be called; or show all examples in one go.

    Example: modelport demo all
    """
    from cli.serve import refuse_taken
    from registry.settings import settings

    host, port = host or settings().host, port or settings().port
    refuse_taken(host, port)
    if what is None:
        return serve(host, port)
    from cli.tour import tour

    tour(what.value, host, port)


def serve(host: str, port: int) -> None:
    """The traffic classifier from its training to a line that calls it."""
    from cli.hub_process import running
    from cli.worked_systems import export, train

    say("1/3 Training the traffic classifier on synthetic flows")
    train(SERVED, shown=True)
    say("2/3 Exporting it: typed endpoint, Bento, first key")
    ready = export(SERVED, lambda step: say(f"    {step} …"))
    say("3/3 Starting the hub")
    try:
        with running(host, port) as hub:
            for line in lines(ready, f"http://{host}:{port}"):
                typer.echo(line)
            sys.stdout.flush()
            say("Ctrl-C stops it.")
            hub.wait()
    except KeyboardInterrupt:
        say("Stopping.")


def lines(ready: "Ready", address: str) -> list[str]:
    """What the user needs now: where, with which key, and one line to paste."""
    endpoint, key = ready
    route: dict[str, Any] = endpoint.model.signature["routes"][0]
    url = f"{address}{route['path']}"
    body = json.dumps(route["example"])
    call = f"curl -s {url} -H 'X-API-Key: {key}' -H 'Content-Type: application/json' -d '{body}'"
    return [f"url: {url}", f"docs: {address}/docs", f"key: {key}", call]
