"""The folder of one export under way, and the promise that whatever fails, or is killed, leaves nothing behind.

Everything is made in that folder, a BentoML home of its own included; only what has passed every check is moved into
BentoML's stores. A lock beside the folder, which the kernel releases when the process ends in any way, says whether the
export is still under way; a file in it says what the stores may hold that the registry has yet to confirm.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from registry.catalog import Endpoint, Model
from registry.database import reading
from registry.errors import ExportError, Unavailable
from registry.settings import settings
from services.packaging import stores
from services.packaging.locks import lock, unlock
from services.packaging.source import stage_folder


class Staging:
    """One change of what the stores hold under a name; changes of the same name wait for each other."""

    def __init__(self, name: str, wait: bool = True) -> None:
        """Without `wait`, entering raises Unavailable while there is another change of that name."""
        self.name, self._wait = name, wait
        self.version = f"v{token_hex(4)}"
        self.folder = _exports() / name

    def __enter__(self) -> Self:
        _exports().mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = lock(_lock_of(self.folder), wait=self._wait)
        if self._lock is None:
            raise Unavailable(f"{self.name} is being exported; try again shortly.", headers={"Retry-After": "5"})
        _settle(self.folder)
        for part in ("model", "sample", "tmp", "bentoml/bentos"):
            (self.folder / part).mkdir(parents=True, mode=0o700)
        return self

    def add(self, path: Path, is_folder: bool) -> str:
        """Copy the model there, a file, a SavedModel or a service: what is hashed is what is loaded and served."""
        target, models = self.folder / "model", self.folder / "bentoml" / "models"
        if is_folder:
            models.symlink_to(stores.home() / "models")  # a service names the models that its training saved there
            _copy(path, target)
            return ""
        models.mkdir()
        name = path.resolve().name
        _copy(path, target / name)
        return name

    def add_sample(self, path: Path) -> Path:
        """Copy the sample there too; where it is now."""
        copied = self.folder / "sample" / path.name
        _copy(path, copied)
        return copied

    def publish(self, tag: str) -> None:
        """Move what was built into BentoML's stores; it stays if the registry names it when the block ends."""
        self.claim([tag])
        stores.publish(self.folder / "bentoml", tag)

    def claim(self, tags: Sequence[str]) -> None:
        """Whatever happens from here, these tags leave the stores unless the registry names them."""
        draft = self.folder / "tags.draft"
        draft.write_text("\n".join(tags))
        draft.replace(self.folder / "tags")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with suppress(SQLAlchemyError):  # the next export asks the registry again
                _settle(self.folder)
        finally:
            unlock(_lock_of(self.folder), self._lock)


def recover() -> None:
    """Clear away what exports left that were killed."""
    for folder in _exports().iterdir() if _exports().is_dir() else ():
        if folder.is_dir() and (held := lock(_lock_of(folder), wait=False)) is not None:
            try:
                _settle(folder)
            finally:
                unlock(_lock_of(folder), held)


def _settle(folder: Path) -> None:
    """Make the stores agree with the registry over the folder's tags, and remove the folder."""
    claimed = folder / "tags"
    tags = claimed.read_text().split() if claimed.is_file() else []
    if tags:
        with reading() as session:
            current = set(session.exec(select(Endpoint.bento).where(col(Endpoint.bento).in_(tags))))
            kept = current | set(session.exec(select(Model.tag).where(col(Model.tag).in_(tags))))
        for tag in tags:
            if tag not in kept:
                stores.remove(tag)
        for tag in current:
            stores.make_latest(tag)
    shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    try:
        if source.is_dir():
            stage_folder(source, target)
        else:
            shutil.copyfile(source, target)
    except shutil.Error as error:
        raise ExportError(f"{source}: {error.args[0][0][2]}") from None
    except OSError as error:
        raise ExportError(f"{error.filename or source}: {error.strerror or error}") from None


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}")  # no endpoint's name begins with a dot


def _exports() -> Path:
    return settings().home / "exports"
