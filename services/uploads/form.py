"""Reads an upload's multipart/form-data (RFC 7578) piece by piece: files straight onto the disk, hashed as they come."""

import hashlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from registry.errors import InvalidInput, Unavailable, UnsupportedMediaType
from services.naming import shown

FILES = ("file", "sample")
TEXTS = ("name", "classes")
LONGEST_TEXT = 65_536  # bytes


class Received(NamedTuple):
    """A file of the form, as it lies in the folder."""

    path: Path
    name: str  # as it may be shown
    sha256: str
    size: int


class Form:
    """One form; nothing of a file is ever held in memory but the piece that is being written."""

    def __init__(self, content_type: str, folder: Path) -> None:
        """UnsupportedMediaType for any body that is no form."""
        self.files: dict[str, Received] = {}
        self.texts: dict[str, str] = {}
        self._folder, self._seen = folder, set[str]()
        self._name, self._header, self._value, self._disposition = "", b"", b"", b""
        self._text = bytearray()
        self._file: BinaryIO | None = None
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise UnsupportedMediaType("Send multipart/form-data.")
        if not options.get(b"boundary"):
            raise InvalidInput("The multipart boundary is missing.")
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._open,
                    "on_part_data": self._data,
                    "on_part_end": self._close,
                    "on_end": self._finish,
                },
            )
        except FormParserError:
            raise InvalidInput("The multipart boundary is too long.") from None
        self._complete = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body; InvalidInput for what is no form, or not this one."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise InvalidInput("The multipart body is malformed.") from None
        except OSError as error:
            raise Unavailable("There is no room for this upload.", headers={"Retry-After": "60"}) from error

    def end(self) -> None:
        """InvalidInput unless the form is complete, with a file."""
        if not self._complete:
            raise InvalidInput("The multipart body is cut off.")
        if "file" not in self.files:
            raise InvalidInput("Missing required field: file", {"missing_fields": ["file"]})

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._disposition = b""
        self._text.clear()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name not in (*FILES, *TEXTS):
            raise InvalidInput("There is a field that is not known here.", {"known_fields": [*FILES, *TEXTS]})
        if self._name in self._seen:
            raise InvalidInput(f"The field {self._name} was sent more than once.")
        self._seen.add(self._name)
        if self._name in FILES:
            name = shown(options.get(b"filename", b"").decode("utf-8", "replace"), "model")
            path = self._folder / ("upload" if self._name == "file" else "sample")
            self._file = path.open("xb")
            self._received = Received(path, name, "", 0)
            self._hash = hashlib.sha256()

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = memoryview(data)[start:end]
        if self._file is not None:
            self._file.write(piece)
            self._hash.update(piece)
        elif len(self._text) + len(piece) > LONGEST_TEXT:
            raise InvalidInput(f"The field {self._name} is longer than {LONGEST_TEXT} bytes.")
        else:
            self._text += piece

    def _close(self) -> None:
        if self._file is not None:
            size = self._file.tell()
            self._file.close()
            self._file = None
            self.files[self._name] = self._received._replace(sha256=self._hash.hexdigest(), size=size)
            return
        try:
            self.texts[self._name] = self._text.decode()
        except UnicodeDecodeError:
            raise InvalidInput(f"The field {self._name} is no UTF-8.") from None

    def _finish(self) -> None:
        self._complete = True
