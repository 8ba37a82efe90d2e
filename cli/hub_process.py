"""The hub as a process of a command's: started, waited for, stopped."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

READY_WITHIN = 120.0  # seconds

Hub = subprocess.Popen[bytes]


@contextmanager
def running(host: str, port: int, log: IO[bytes] | None = None) -> Iterator[Hub]:
    """The hub on that address, ready; stopped at the end. Its lines go to `log`, or where the command's own go."""
    from services.hub import command, environment

    hub = subprocess.Popen(command(host, port), env=environment(host, port, workers=1), stdout=log, stderr=log)
    before = signal.signal(signal.SIGTERM, lambda *_: hub.terminate())
    try:
        _wait_until_ready(hub, f"http://{host}:{port}/readyz")
        yield hub
    finally:
        hub.terminate()
        hub.wait()
        signal.signal(signal.SIGTERM, before)


def _wait_until_ready(hub: Hub, url: str) -> None:
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
    raise Unavailable("the hub did not start; its log says why")
