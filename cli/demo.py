"""`modelport demo`: trains the traffic classifier, exports it, serves it, and says how to call it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cli.output import say

if TYPE_CHECKING:
    from registry.catalog import Endpoint

EXAMPLE = "bentos.traffic_classifier"
READY_WITHIN = 120.0  # seconds


def demo(
    host: str | None = typer.Option(None, "--host", help="Address to listen on; by default 127.0.0.1."),
    port: int | None = typer.Option(None, "--port", min=1, max=65535, help="Port to listen on; by default 3000."),
) -> None:
    """Train an example, export it and serve it, ready to be called.

    Example: modelport demo
    """
    from cli.serve import refuse_taken
    from registry.settings import settings

    host, port = host or settings().host, port or settings().port
    refuse_taken(host, port)
    say("1/3 Training the traffic classifier on synthetic flows")
    train()
    say("2/3 Exporting it: typed endpoint, Bento, first key")
    endpoint, key = export()
    say("3/3 Starting the hub")
    serve(host, port, lines(endpoint, key, f"http://{host}:{port}"))


def train() -> None:
    """Run the example's own training, as its README says; its report goes to the terminal."""
    from registry.errors import ExportError
    from services.packaging.children import environment

    if subprocess.run([sys.executable, "-m", f"{EXAMPLE}.train"], env=environment()).returncode != 0:
        raise ExportError("the training failed; see the lines above")


def export() -> tuple["Endpoint", str]:
    """The example's endpoint, and a key for it: its first, or another one when the endpoint stood already."""
    from importlib.util import find_spec

    from services.exporting import Request
    from services.exporting import export as export_service
    from services.keys import create_key
    from services.packaging.asker import Operator

    spec = find_spec(EXAMPLE)
    assert spec is not None
    assert spec.origin is not None
    asker = Operator()
    exported = export_service(Request(Path(spec.origin).parent), lambda step: say(f"    {step} …"), asker)
    key = asker.key.text if exported.is_new else create_key(exported.endpoint.name, "demo").text
    return exported.endpoint, key


def lines(endpoint: "Endpoint", key: str, address: str) -> list[str]:
    """What the user needs now: where, with which key, and one line to paste."""
    route: dict[str, Any] = endpoint.model.signature["routes"][0]
    url = f"{address}{route['path']}"
    body = json.dumps(route["example"])
    call = f"curl -s {url} -H 'X-API-Key: {key}' -H 'Content-Type: application/json' -d '{body}'"
    return [f"url: {url}", f"docs: {address}/docs", f"key: {key}", call]


def serve(host: str, port: int, ready: list[str]) -> None:
    """Run the hub until Ctrl-C; print the lines once it answers."""
    from services.hub import command, environment

    hub = subprocess.Popen(command(host, port), env=environment(host, port, workers=1))
    signal.signal(signal.SIGTERM, lambda *_: hub.terminate())
    try:
        wait_until_ready(hub, f"http://{host}:{port}/readyz")
        for line in ready:
            typer.echo(line)
        sys.stdout.flush()
        say("Ctrl-C stops it.")
        hub.wait()
    except KeyboardInterrupt:
        say("Stopping.")
    finally:
        hub.terminate()
        hub.wait()


def wait_until_ready(hub: "subprocess.Popen[bytes]", url: str) -> None:
    """Return once the hub is ready; Unavailable when it ends or takes too long."""
    import httpx

    from registry.errors import Unavailable

    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and hub.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise Unavailable("the hub did not start; see the lines above")
