"""Receives an upload's form: files straight onto the disk, hashed as they come."""

import hashlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from registry.errors import InvalidInput, Unavailable
from services.multipart import Fields, FormReader
from services.naming import shown

FIELDS = Fields(files=("file", "sample"), texts=("name", "classes"))


class Received(NamedTuple):
    """A file of the form, as it lies in the folder."""

    path: Path
    name: str  # as it may be shown
    sha256: str
    size: int


class Form(FormReader):
    """One form; nothing of a file is ever held in memory but the piece that is being written."""

    def __init__(self, content_type: str, folder: Path) -> None:
        super().__init__(content_type, FIELDS)
        self.files: dict[str, Received] = {}
        self._folder = folder
        self._file: BinaryIO | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body; InvalidInput for what is no form, or not this one."""
        try:
            super().feed(data)
        except OSError as error:
            raise Unavailable("There is no room for this upload.", headers={"Retry-After": "60"}) from error

    def end(self) -> None:
        """InvalidInput unless the form is complete, with a file."""
        super().end()
        if "file" not in self.files:
            raise InvalidInput("Missing required field: file", {"missing_fields": ["file"]})

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()

    def open_file(self, field: str, name: str) -> None:
        """Begin a file on the disk."""
        path = self._folder / ("upload" if field == "file" else "sample")
        self._file = path.open("xb")
        self._field, self._received, self._hash = field, Received(path, shown(name, "model"), "", 0), hashlib.sha256()

    def write_file(self, piece: memoryview) -> None:
        """Write and hash a piece."""
        assert self._file is not None
        self._file.write(piece)
        self._hash.update(piece)

    def close_file(self) -> None:
        """Note the whole file."""
        assert self._file is not None
        size = self._file.tell()
        self._file.close()
        self._file = None
        self.files[self._field] = self._received._replace(sha256=self._hash.hexdigest(), size=size)
