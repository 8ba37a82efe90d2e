"""The files of uploaded models, each under its digest, and the promise that a crash leaves none that no model needs.

A change of what is kept has a folder of its own while it lasts, with a lock beside it that the kernel releases when the
process ends in any way, and in it the digests that must go unless the registry names them.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from registry.database import reading
from registry.errors import RegistryError
from registry.settings import settings
from registry.uploads import kept_files
from services.packaging.locks import lock, unlock


class Change:
    """An upload or a deletion under way: its folder and whatever it claimed in vain go with the block."""

    def __init__(self) -> None:
        self.folder = _changes() / token_hex(8)

    def __enter__(self) -> Self:
        _changes().mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = lock(_lock_of(self.folder), wait=True)
        for part in ("model", "tmp"):
            (self.folder / part).mkdir(parents=True, mode=0o700)
        return self

    def claim(self, digests: Sequence[str]) -> None:
        """Whatever happens from here, the files of these digests go unless the registry needs them."""
        draft = self.folder / "claimed.draft"
        draft.write_text("\n".join(digests))
        draft.replace(self.folder / "claimed")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with suppress(SQLAlchemyError, RegistryError):  # the next start asks the registry again
                _settle(self.folder)
        finally:
            unlock(_lock_of(self.folder), self._lock)


def path_of(digest: str) -> Path:
    """Where the file of that digest is kept."""
    return settings().home / "uploads" / digest


def keep(file: Path, digest: str) -> None:
    """Keep a file under its digest, whole and on the disk; hold `writing` around it and the row that needs it."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
    file.replace(path_of(digest))
    folder = os.open(path_of(digest).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def writing() -> Iterator[None]:
    """While the files and the rows that need them may disagree, nobody else on this machine looks."""
    with (_changes() / ".writing").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def recover() -> None:
    """Clear away what changes left that were killed."""
    for folder in _changes().iterdir() if _changes().is_dir() else ():
        if folder.is_dir() and (held := lock(_lock_of(folder), wait=False)) is not None:
            try:
                _settle(folder)
            finally:
                unlock(_lock_of(folder), held)


def _settle(folder: Path) -> None:
    claimed = folder / "claimed"
    digests = claimed.read_text().split() if claimed.is_file() else []
    if digests:
        with writing():
            with reading() as session:
                needed = kept_files(session)
            for digest in digests:
                if digest not in needed:
                    path_of(digest).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}")


def _changes() -> Path:
    return settings().home / "uploads" / "changes"
