"""The worked systems under `bentos/`, trained and exported by the commands that their READMEs tell of."""

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from registry.catalog import Endpoint

SYSTEMS = {
    "traffic": ("traffic_classifier", "traffic_forecaster", "resource_optimizer"),
    "images": ("game_classifier",),
}
SYSTEMS["all"] = SYSTEMS["traffic"] + SYSTEMS["images"]


class Ready(NamedTuple):
    """A system's endpoint, and a key for it."""

    endpoint: "Endpoint"
    key: str


def is_trained(name: str) -> bool:
    """Whether the system has a model of its own."""
    return find_spec(f"bentos.{name}.train") is not None


def train(name: str, *options: str, shown: bool = False) -> list[str]:
    """Run a system's training; the lines of its report, unless they are shown in the terminal as they come."""
    from registry.errors import ExportError
    from services.packaging.children import environment

    command = [sys.executable, "-m", f"bentos.{name}.train", *options]
    done = subprocess.run(command, env=environment(), capture_output=not shown, text=True)
    if done.returncode != 0:
        told = "see the lines above" if shown else (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ExportError(f"the training of {name} failed; {told}")
    return [] if shown else done.stdout.splitlines()


def export(name: str, progress: Callable[[str], None]) -> Ready:
    """The system's endpoint, with its first key, or another one when the endpoint stood already."""
    from services.exporting import Request
    from services.exporting import export as export_service
    from services.keys import create_key
    from services.packaging.asker import Operator

    asker = Operator()
    exported = export_service(Request(_folder(name)), progress, asker)
    key = asker.key.text if exported.is_new else create_key(exported.endpoint.name, "demo").text
    return Ready(exported.endpoint, key)


def _folder(name: str) -> Path:
    spec = find_spec(f"bentos.{name}")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
