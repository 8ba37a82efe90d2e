"""Reads multipart/form-data (RFC 7578) piece by piece, strictly: known fields, each once, files as files and text as text.

Where the bytes of a file go is a child's matter. Nothing is ever fetched: a URL in a file's place is text, and refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from registry.errors import InvalidInput, UnsupportedMediaType

MULTIPART = b"multipart/form-data"
MOST_PARTS = 64
LONGEST_TEXT = 65_536  # bytes
_ENCODINGS = (b"", b"binary", b"8bit", b"7bit")  # of a part: none of them changes a byte


@dataclass(frozen=True)
class Fields:
    """The fields that a form may have."""

    files: Sequence[str] = ()
    lists: Sequence[str] = ()  # of files: these alone may come more than once
    texts: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*self.files, *self.lists, *self.texts]


def is_multipart(content_type: bytes | None) -> bool:
    """Whether a request's content type says that its body is a form."""
    return content_type is not None and content_type.partition(b";")[0].strip().lower() == MULTIPART


class FormReader:
    """One form, whose texts are kept here; a child takes the files."""

    def __init__(self, content_type: str | bytes, fields: Fields) -> None:
        """UnsupportedMediaType for any body that is no form."""
        self.texts: dict[str, str] = {}
        self._fields, self._known = fields, frozenset(fields.names)
        self._seen: set[str] = set()
        self._parts = 0
        self._name, self._header, self._value = "", b"", b""
        self._disposition, self._encoding = b"", b""
        self._text: bytearray | None = None  # None while a file is read
        self._complete = False
        kind, options = parse_options_header(content_type)
        if kind != MULTIPART:
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

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body; InvalidInput for what is no form, or not this one."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise InvalidInput("The multipart body is malformed.") from None

    def end(self) -> None:
        """InvalidInput unless the form is complete."""
        if not self._complete:
            raise InvalidInput("The multipart body is cut off.")

    def open_file(self, field: str, name: str) -> None:
        """A file begins, which the client calls so."""
        raise NotImplementedError

    def write_file(self, piece: memoryview) -> None:
        """The next bytes of the file."""
        raise NotImplementedError

    def close_file(self) -> None:
        """The file is complete."""
        raise NotImplementedError

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise InvalidInput(f"The form has more than {MOST_PARTS} parts.", {"max_parts": MOST_PARTS})
        self._disposition = self._encoding = b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        name = self._header.lower()
        if name == b"content-disposition":
            self._disposition = self._value
        elif name == b"content-transfer-encoding":
            self._encoding = self._value.strip().lower()
        self._header = self._value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if name not in self._known:
            raise InvalidInput("There is a field that is not known here.", {"known_fields": self._fields.names})
        if name in self._seen and name not in self._fields.lists:
            raise InvalidInput(f"The field {name} was sent more than once.")
        if self._encoding not in _ENCODINGS:
            raise InvalidInput(f"The field {name} is encoded: send its bytes as they are.")
        self._seen.add(name)
        file_name = options.get(b"filename")
        if (file_name is not None) == (name in self._fields.texts):
            raise InvalidInput(
                f"The field {name} takes {'text, no file' if file_name is not None else 'a file, no text'}."
            )
        self._text = bytearray() if file_name is None else None
        if file_name is not None:
            self.open_file(name, file_name.decode("utf-8", "replace"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = memoryview(data)[start:end]
        if self._text is None:
            self.write_file(piece)
        elif len(self._text) + len(piece) > LONGEST_TEXT:
            raise InvalidInput(f"The field {self._name} is longer than {LONGEST_TEXT} bytes.")
        else:
            self._text += piece

    def _close(self) -> None:
        if self._text is None:
            return self.close_file()
        try:
            self.texts[self._name] = self._text.decode()
        except UnicodeDecodeError:
            raise InvalidInput(f"The field {self._name} is no UTF-8.") from None

    def _finish(self) -> None:
        self._complete = True
