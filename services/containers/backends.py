"""The programs that build images: which of them works on this machine."""

import shutil
import subprocess
from enum import StrEnum

from registry.errors import ExportError

PATIENCE = 60.0  # seconds: podman's first call sets up its storage


class Backend(StrEnum):
    """What builds the image, in the order in which they are looked for."""

    DOCKER = "docker"
    PODMAN = "podman"
    BUILDAH = "buildah"

    @property
    def runs(self) -> str:
        """The program that runs what this one built: buildah shares podman's images, and runs none."""
        return "podman" if self is Backend.BUILDAH else self.value


# Fails where there is no daemon, or no storage for images.
_ASKED = {Backend.DOCKER: "version", Backend.PODMAN: "info", Backend.BUILDAH: "info"}


def choose(given: Backend | None) -> Backend:
    """The backend that was asked for, or else the first that works; ExportError says why none does."""
    if given is not None:
        if wrong := wrong_with(given):
            raise ExportError(f"{given} {wrong}")
        return given
    for backend in Backend:
        if wrong_with(backend) is None:
            return backend
    raise ExportError("nothing here builds images: install podman or buildah, or start docker's daemon")


def wrong_with(backend: Backend) -> str | None:
    """Why a backend can't build here, in a few words; None when it can."""
    program = shutil.which(backend)
    if program is None:
        return "is not installed: install it, or choose another with `--backend`"
    try:
        asked = subprocess.run([program, _ASKED[backend]], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"does not answer within {PATIENCE:.0f} s"
    except OSError as error:
        return f"can't be started: {(error.strerror or str(error)).lower()}"
    if asked.returncode == 0:
        return None
    said = asked.stderr.strip().splitlines()
    return f"does not work here: {said[-1] if said else f'exit code {asked.returncode}'}"
