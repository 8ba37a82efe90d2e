"""The command that runs an image beside its registry: a line to paste, without a secret in it."""

import os
import shlex
from pathlib import Path

from registry.settings import PREFIX, settings
from services.containers.backends import Backend

PORT = 3000  # inside the container
GRACE = 30  # seconds between the signal to stop and the end by force
_DRAIN = 20  # seconds of these for requests under way; the rest is for the log's last rows
_SECRETS = ("database_url", "pepper", "jwt_keys")
# Nothing of the image is written to, and BentoML wants a home that it can write to.
_CLOSED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "-e", "BENTOML_HOME=/tmp/bentoml"]  # noqa: S108
_ALONE = ["-e", f"{PREFIX}HOME=/tmp/modelport"]  # the counts of its limits


def run_line(backend: Backend, image: str, endpoint: str) -> str:
    """Serve the endpoint from its image at the address that the settings name."""
    chosen = settings()
    host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    words = [backend.runs, "run", "--rm", "--name", f"modelport-{endpoint}", "-p", f"{host}:{chosen.port}:{PORT}"]
    words += ["--stop-timeout", str(GRACE), *_CLOSED, *(_shared() if chosen.embedded else _ALONE), *_secrets()]
    if chosen.embedded and backend.runs == "podman" and os.geteuid() != 0:
        words += ["--userns", "keep-id"]  # or a rootless container's users are nobody here
    return shlex.join([*words, image, "--timeout-graceful-shutdown", str(_DRAIN)])


def _shared() -> list[str]:
    """The registry's folder, and its owner as the user: the files in it are nobody else's to read."""
    chosen = settings()
    owner = chosen.home.stat()
    words = ["--user", f"{owner.st_uid}:{owner.st_gid}", "-v", f"{chosen.home}:/registry:z"]
    words += ["-e", f"{PREFIX}HOME=/registry"]
    file = Path(chosen.url.removeprefix("sqlite:///").partition("?")[0])
    if file.parent != chosen.home:
        words += ["-v", f"{file.parent}:/database:z", "-e", f"{PREFIX}DATABASE_URL=sqlite:////database/{file.name}"]
    return words


def _secrets() -> list[str]:
    """What the environment or .env holds goes by name: its value stays out of the line and of the process list."""
    chosen = settings()
    given = [f"{PREFIX}{name.upper()}" for name in _SECRETS if getattr(chosen, name) is not None]
    if chosen.embedded:
        given = [name for name in given if not name.endswith("DATABASE_URL")]
    words = ["--env-file", ".env"] if any(name not in os.environ for name in given) else []
    return words + [word for name in given if name in os.environ for word in ("-e", name)]
