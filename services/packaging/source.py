"""The platform's own packages, copied beside whatever a Bento packs: every Bento carries its guard with it."""

import shutil
from itertools import takewhile
from pathlib import Path

import yaml

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
    """Copy a hand-written service's folder, without caches and hidden files, and what it includes from around it."""
    shutil.copytree(source, folder, ignore=_LEFT_OUT, dirs_exist_ok=True)
    package = _package_around(source.resolve())
    if package is None:
        return
    for pattern in _included(folder / "bentofile.yaml"):
        parts = Path(pattern).parts
        if parts[:1] == (package.name,) and ".." not in parts:
            _stage_files(package.parent, pattern, folder)


def _package_around(source: Path) -> Path | None:
    """The outermost package that the folder is part of: from beside it, a service imports others by their full names."""
    around = list(takewhile(lambda folder: (folder / "__init__.py").is_file(), source.parents))
    return around[-1] if around else None


def _included(bentofile: Path) -> list[str]:
    """The patterns of a bentofile; what else may be wrong with it, the build says."""
    try:
        written = yaml.safe_load(bentofile.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return []
    patterns = written.get("include") if isinstance(written, dict) else None
    return [str(pattern) for pattern in patterns] if isinstance(patterns, list) else []


def _stage_files(root: Path, pattern: str, folder: Path) -> None:
    for file in root.glob(pattern):
        if file.is_file():
            target = folder / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
