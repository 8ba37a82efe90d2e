"""How the hub is started as a process: BentoML's own `serve`, with a BentoML home of its own.

BentoML keeps a server's metric files under its home and wipes them at every start, so two servers that shared a home
would report each other's numbers. The hub's home holds links to the user's models and Bentos and nothing else.
"""

import sys
from pathlib import Path

from registry.settings import settings
from services.packaging.children import environment as child_environment
from services.packaging.stores import home as bentoml_home

SERVICE = "services.platform:Platform"


def command(host: str, port: int) -> list[str]:
    """The arguments of the server process; a drain takes at most 30 s."""
    root = Path(__file__).resolve().parent.parent
    where = ["--host", host, "--port", str(port), "--working-dir", str(root)]
    return [sys.executable, "-m", "bentoml", "serve", SERVICE, *where, "--timeout-graceful-shutdown", "30"]


def environment(host: str, port: int, workers: int) -> dict[str, str]:
    """The environment of the server process."""
    chosen = {
        "MODELPORT_HOME": str(settings().home),
        "MODELPORT_HOST": host,
        "MODELPORT_PORT": str(port),
        "MODELPORT_WORKERS": str(workers),
    }
    return {**child_environment(), **chosen, "BENTOML_HOME": str(serving_home(port))}


def serving_home(port: int) -> Path:
    """The BentoML home of the hub on that port."""
    stores = bentoml_home()
    home = settings().home / "serving" / str(port)
    home.mkdir(parents=True, exist_ok=True)
    for name in ("models", "bentos"):
        link = home / name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(stores / name, target_is_directory=True)
    return home
