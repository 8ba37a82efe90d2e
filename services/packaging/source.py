"""The platform's own packages, copied beside whatever a Bento packs: every Bento carries its guard with it."""

import shutil
from pathlib import Path

import registry
import services

PACKAGES = (registry, services)
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def stage_packages(folder: Path) -> None:
    """Copy `registry` and `services` into the folder."""
    for package in PACKAGES:
        source = Path(str(package.__file__)).parent
        shutil.copytree(source, folder / source.name, ignore=_LEFT_OUT, dirs_exist_ok=True)


def stage_folder(source: Path, folder: Path) -> None:
    """Copy a hand-written service's folder, without caches and hidden files."""
    shutil.copytree(source, folder, ignore=_LEFT_OUT, dirs_exist_ok=True)
