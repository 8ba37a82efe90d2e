"""A real podman for tests, with its images and containers in a folder of the test's own."""

import os
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.serving import base_image

NEEDED = ("podman", "runc", "netavark")
_HELPERS = "/usr/lib/podman:/usr/libexec/podman"  # where distributions keep netavark
_CONFIGURATION = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=30000:30000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""


class Podman:
    """Podman; what a bare machine asks of it stands in its configuration, not in the product."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        configuration, storage = folder / "containers.conf", folder / "storage.conf"
        configuration.write_text(_CONFIGURATION.format(files=resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        places = f'graphroot = "{folder}/images"\nrunroot = "{folder}/run"\n'
        storage.write_text(f'[storage]\ndriver = "overlay"\n{places}')
        self.environment = {"CONTAINERS_CONF": str(configuration), "CONTAINERS_STORAGE_CONF": str(storage)}

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What a podman command prints, on both streams."""
        done = subprocess.run(
            ["podman", *arguments], env=os.environ | self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def make_base(self, name: str) -> None:
        """Make the base image."""
        archive = self.folder / "base.tar"
        base_image.write(archive)
        variables = base_image.environment().items()
        changes = [word for key, value in variables for word in ("--change", f"ENV {key}={value}")]
        self("import", "--quiet", *changes, str(archive), name)
        archive.unlink()

    def remove(self) -> None:
        """Remove every container and image."""
        self("rm", "--all", "--force")
        self("rmi", "--all", "--force")
        shutil.rmtree(self.folder)


def require() -> None:
    """Skip where podman can't be had; fail where .ci/run could have installed it."""
    path = f"{os.environ['PATH']}:{_HELPERS}"
    missing = [program for program in NEEDED if shutil.which(program, path=path) is None]
    if os.geteuid() != 0 or (missing and shutil.which("apt-get") is None):
        pytest.skip(f"needs root and {', '.join(NEEDED)}")
    if missing:
        pytest.fail(f"{', '.join(missing)} must be installed: .ci/run does it")
