"""BentoML's stores as folders: a finished model or Bento enters them by one rename, and leaves them by one.

A store holds NAME/VERSION folders and a file NAME/latest. BentoML's own ways copy and delete file by file: killed in
the middle, they leave a version that breaks `bentoml list`.
"""

import errno
import os
import shutil
from pathlib import Path

from registry.errors import ExportError
from registry.settings import settings

STORES = ("models", "bentos")


def folder() -> Path:
    """Where BentoML's stores are, or would be."""
    found = Path(os.path.expandvars(os.environ.get("BENTOML_HOME") or "~/bentoml")).expanduser().absolute()
    if found.parent == settings().home / "serving":  # a server's own, with links to the stores (services.hub)
        return (found / "models").resolve().parent
    return found


def home() -> Path:
    """The folder of BentoML's stores, which are there; ExportError when there can be none."""
    found = folder()
    try:
        for name in (*STORES, "tmp"):
            (found / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"can't use {found} ({error.strerror}): set BENTOML_HOME to a folder you own") from None
    return found


def path_of(store: str, tag: str) -> Path:
    """Where a store keeps what bears that tag."""
    name, _, version = tag.partition(":")
    return home() / store / name / version


def holds(bento: str, model: str | None) -> bool:
    """Whether the stores have a Bento and its model."""
    return path_of("bentos", bento).is_dir() and (model is None or path_of("models", model).is_dir())


def publish(built: Path, tag: str) -> None:
    """Move what bears the tag from the BentoML home where it was built into the stores."""
    name, _, version = tag.partition(":")
    for store in STORES:
        source, target = built / store / name / version, path_of(store, tag)
        if source.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            _move(source, target, _aside(store, tag))


def make_latest(tag: str) -> None:
    """Let `NAME:latest` mean this version, in each store that has it."""
    for store in STORES:
        path = path_of(store, tag)
        if path.is_dir():
            draft = _aside(store, tag)
            draft.write_text(path.name)
            draft.replace(path.parent / "latest")


def remove(tag: str) -> None:
    """Remove what bears the tag; what isn't there is no fault. BentoML finds the next `latest` by itself."""
    for store in STORES:
        path, aside = path_of(store, tag), _aside(store, tag)
        shutil.rmtree(aside, ignore_errors=True)
        if path.is_dir():
            path.rename(aside)
            shutil.rmtree(aside)
        latest = path.parent / "latest"
        if latest.is_file() and latest.read_text().strip() == path.name:
            latest.unlink()
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()


def _move(source: Path, target: Path, aside: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copytree(source, aside)
        aside.rename(target)


def _aside(store: str, tag: str) -> Path:
    return home() / "tmp" / f"modelport-{store}-{tag.replace(':', '-')}"
