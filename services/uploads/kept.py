"""The files of uploaded models, each under its digest."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from registry.database import reading
from registry.settings import settings
from registry.uploads import kept_files
from services.packaging import change


class Change(change.Change):
    """An upload or a deletion under way; it claims digests."""

    parts = ("model", "tmp")

    def __init__(self) -> None:
        """No two have one name."""
        super().__init__(token_hex(8))

    @classmethod
    def root(cls) -> Path:
        """Beside the files."""
        return settings().home / "uploads" / "changes"

    @classmethod
    def agree(cls, names: Sequence[str]) -> None:
        """Remove the files that no model needs."""
        with writing():
            with reading() as session:
                needed = kept_files(session)
            for digest in names:
                if digest not in needed:
                    path_of(digest).unlink(missing_ok=True)


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
    with (Change.root() / ".writing").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
