"""Forms that are answered at once: their files are held in memory until then."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.inference.images import ImageFile
from services.multipart import Fields, FormReader

OVERHEAD = 65_536  # bytes of a form beside its files


@dataclass(frozen=True)
class FormHandler:
    """What answers forms with these fields; `alone` where nothing but a form is answered there."""

    fields: Fields
    answer: Callable[[Mapping[str, Any], str], Awaitable[bytes]]  # values by field and request id to the answer's body
    alone: bool


class Form(FormReader):
    """One form as values by field: text, an ImageFile, or a list of them."""

    def __init__(self, content_type: bytes, fields: Fields) -> None:
        super().__init__(content_type, fields)
        self._lists: dict[str, list[ImageFile]] = {name: [] for name in fields.lists}
        self._files: dict[str, ImageFile] = {}
        self._field = self._file_name = ""
        self._file = bytearray()

    @property
    def values(self) -> dict[str, Any]:
        """What was sent."""
        sent = {name: files for name, files in self._lists.items() if files}
        return {**self._files, **sent, **self.texts}

    def open_file(self, field: str, name: str) -> None:
        """Begin a file in memory."""
        self._field, self._file_name, self._file = field, name, bytearray()

    def write_file(self, piece: memoryview) -> None:
        """Keep a piece."""
        self._file += piece

    def close_file(self) -> None:
        """Keep the file among those of its field."""
        file = ImageFile(self._file_name, bytes(self._file))
        if self._field in self._lists:
            self._lists[self._field].append(file)
        else:
            self._files[self._field] = file
