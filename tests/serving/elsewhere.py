"""A Bento on a machine that has only what it asks for: no Modelport installed, an empty BentoML home, as in a container."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serving.conftest import Server, Store, free_port


@contextmanager
def served_elsewhere(store: Store, bento: str, key: str, folder: Path) -> Iterator[Server]:
    """That Bento exported, imported and served by a Python of its own, with the store's registry."""
    file, python, uv = folder / "carried.bento", folder / "venv/bin/python", Path(sys.executable).parent / "uv"
    environment = {**store.environment, "BENTOML_HOME": str(folder / "bentoml")}

    def run(environment: dict[str, str], *command: object) -> None:
        subprocess.run([str(part) for part in command], env=environment, cwd=folder, check=True)

    run(store.environment, sys.executable, "-m", "bentoml", "export", bento, file)
    run(store.environment, uv, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    wanted = store.folder / "bentoml/bentos" / bento.replace(":", "/") / "env/python/requirements.txt"
    run(store.environment, uv, "pip", "install", "--quiet", "--python", python, "-r", wanted)
    run(environment, python, "-m", "bentoml", "import", file)

    class Elsewhere(Store):
        @property
        def environment(self) -> dict[str, str]:
            return environment

    port = free_port()
    command = [str(python), "-m", "bentoml", "serve", bento, "--port", str(port)]
    generous = {"MODELPORT_RATE_LIMIT": "1000000/minute"}
    server = Server(Elsewhere(folder), key, command, port, folder / "server.log", **generous)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()
