"""The folder of one export under way, and the promise that whatever fails, or is killed, leaves nothing behind.

The folder says which tags the export may have put into BentoML's stores; a lock on it, which the kernel releases when
the process ends in any way, says whether it is still under way.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

from registry.errors import ExportError
from registry.settings import settings
from services.packaging.source import stage_folder


class Staging:
    """Copies the model there first: what is hashed is what is loaded, stored and served."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = f"v{token_hex(4)}"
        self.folder = _exports() / f"{name}-{token_hex(4)}"
        self._kept = False

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, mode=0o700)
        self._lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.folder / "tag").write_text(f"{self.name}:{self.version}")
        return self

    def add(self, path: Path, is_folder: bool) -> str:
        """Copy the model file, SavedModel or service into the folder; its name there."""
        target = self.folder / "model"
        try:
            if is_folder:
                stage_folder(path, target)
                return ""
            target.mkdir()
            if path.is_dir():
                stage_folder(path, target / path.name)
            else:
                shutil.copyfile(path, target / path.name)
        except OSError as error:
            raise ExportError(f"{path}: {error.strerror or error}") from None
        return path.name

    def keep(self) -> None:
        """The export is written down: its model and Bento stay."""
        self._kept = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _clear(self.folder, remove_built=not self._kept)
        os.close(self._lock)


def recover() -> None:
    """Clear away what exports left that were killed."""
    for folder in _exports().iterdir() if _exports().is_dir() else ():
        if not folder.is_dir():
            continue
        try:
            lock = os.open(folder / "lock", os.O_RDWR)
        except FileNotFoundError:
            continue  # being made at this moment
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _clear(folder, remove_built=not _is_registered(folder))
        except BlockingIOError:
            pass  # still under way
        finally:
            os.close(lock)


def _is_registered(folder: Path) -> bool:
    from sqlmodel import select

    from registry.catalog import Endpoint
    from registry.database import reading

    tag = (folder / "tag").read_text() if (folder / "tag").is_file() else ""
    with reading() as session:
        return session.exec(select(Endpoint.id).where(Endpoint.bento == tag)).first() is not None


def _clear(folder: Path, remove_built: bool) -> None:
    tag = folder / "tag"
    if remove_built and tag.is_file() and (folder / "job.json").is_file():
        remove_from_stores([tag.read_text()], [tag.read_text()])
    shutil.rmtree(folder, ignore_errors=True)


def remove_from_stores(models: list[str], bentos: list[str]) -> None:
    """Remove models and Bentos from BentoML's stores; what isn't there is no fault."""
    import bentoml

    for store, tags in ((bentoml.bentos, bentos), (bentoml.models, models)):
        for tag in tags:
            with suppress(bentoml.exceptions.NotFound):
                store.delete(tag)


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Exports of the same name wait for each other."""
    _exports().mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(_exports() / f"{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _exports() -> Path:
    return settings().home / "exports"
