"""A change of files that the registry must agree with, and the promise that a crash leaves none that it doesn't name.

A change has a folder of its own while it lasts, with a lock beside it that the kernel releases when the process ends in
any way, and in it the names that must go unless the registry names them too.
"""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from sqlalchemy.exc import SQLAlchemyError

from registry.errors import RegistryError, Unavailable
from services.packaging.locks import lock, unlock


class Change(ABC):
    """One change under way: its folder, and whatever it claimed in vain, go with the block."""

    parts: ClassVar[Sequence[str]]  # of the folder

    def __init__(self, name: str, wait: bool = True) -> None:
        """Changes of one name wait for each other, or without `wait` are refused meanwhile."""
        self.folder, self._wait = self.root() / name, wait

    def __enter__(self) -> Self:
        self.root().mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = lock(_lock_of(self.folder), wait=self._wait)
        if self._lock is None:
            message = f"{self.folder.name} is being changed; try again shortly."
            raise Unavailable(message, headers={"Retry-After": "5"})
        self._settle(self.folder)
        for part in self.parts:
            (self.folder / part).mkdir(parents=True, mode=0o700)
        return self

    def claim(self, names: Sequence[str]) -> None:
        """Whatever happens from here, what has these names goes unless the registry names it."""
        draft = self.folder / "claimed.draft"
        draft.write_text("\n".join(names))
        draft.replace(self.folder / "claimed")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with suppress(SQLAlchemyError, RegistryError):  # the next change or start asks the registry again
                self._settle(self.folder)
        finally:
            unlock(_lock_of(self.folder), self._lock)

    @classmethod
    def recover(cls) -> None:
        """Clear away what changes left that were killed."""
        for folder in cls.root().iterdir() if cls.root().is_dir() else ():
            if folder.is_dir() and (held := lock(_lock_of(folder), wait=False)) is not None:
                try:
                    cls._settle(folder)
                finally:
                    unlock(_lock_of(folder), held)

    @classmethod
    def _settle(cls, folder: Path) -> None:
        claimed = folder / "claimed"
        names = claimed.read_text().split() if claimed.is_file() else []
        if names:
            cls.agree(names)
        shutil.rmtree(folder, ignore_errors=True)

    @classmethod
    @abstractmethod
    def root(cls) -> Path:
        """Where the folders of such changes are."""

    @classmethod
    @abstractmethod
    def agree(cls, names: Sequence[str]) -> None:
        """Remove what has one of these names and the registry doesn't name."""


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}")  # no endpoint's name begins with a dot
