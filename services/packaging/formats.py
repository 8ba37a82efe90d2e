"""What an uploaded file is, by its content and never by its name; pickles and everything unknown are refused by name."""

import pickletools
import re
import zipfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from registry.errors import ExportError

ACCEPTED = ".onnx, .keras, a SavedModel as .zip, .skops, XGBoost's .json and .ubj, LightGBM's .txt"


class Format(NamedTuple):
    """A format that a model may be uploaded in."""

    name: str
    framework: str
    suffix: str  # that its loader goes by; none for a folder


FORMATS = {
    found.name: found
    for found in (
        Format("onnx", "onnx", ".onnx"),
        Format("keras", "keras", ".keras"),
        Format("saved_model", "keras", ""),
        Format("skops", "sklearn", ".skops"),
        Format("xgboost", "xgboost", ".json"),
        Format("xgboost_ubj", "xgboost", ".ubj"),
        Format("lightgbm", "lightgbm", ".txt"),
    )
}
_HEAD = 4096  # bytes
_PICKLE = "a pickle, which runs code when it is loaded: upload another format, or export it on the server's machine"
_REFUSED = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file: Keras's old format can hold code; load it and save it as .keras",
    b"\x93NUMPY": "a NumPy array and no model",
    b"\x1f\x8b": "compressed by gzip, as pickles often are",
    b"BZh": "compressed by bzip2, as pickles often are",
    b"\xfd7zXZ": "compressed by xz, as pickles often are",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard",
    b"\x04\x22\x4d\x18": "compressed by LZ4, as pickles often are",
    b"%PDF": "a PDF",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_JSON = re.compile(rb'\s*\{\s*"(learner|version)"\s*:')
_UBJSON = re.compile(rb"\{[Lli\[U]")


def recognise(path: Path) -> Format | None:
    """The format of a file; None for an archive, whose members say what it is. ExportError for any other content."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not head:
            raise ExportError("the file is empty")
        if head.startswith(b"PK\x03\x04"):
            return None
        for begins, what in _REFUSED.items():
            if head.startswith(begins):
                raise ExportError(f"the file is {what}")
        if head.startswith(_ZLIB):
            raise ExportError("the file is compressed by zlib, as pickles often are")
        if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
            raise ExportError(f"the file is {_PICKLE}")
        if head.startswith((b"tree\n", b"tree\r\n")):
            return FORMATS["lightgbm"]
        if _JSON.match(head):
            return FORMATS["xgboost"]
        if _UBJSON.match(head) and b"learner" in head:
            return FORMATS["xgboost_ubj"]
        if is_onnx(file):
            return FORMATS["onnx"]
        if _is_old_pickle(head):
            raise ExportError(f"the file is {_PICKLE}")
    raise ExportError(f"the file is no model that can be uploaded: those are {ACCEPTED}")


def recognise_archive(members: Sequence[zipfile.ZipInfo]) -> Format:
    """The format of an archive by the names in it; ExportError for any other."""
    names = {member.filename for member in members if not member.is_dir()}
    if {"config.json", "metadata.json"} <= names:
        return FORMATS["keras"]
    if "schema.json" in names:
        return FORMATS["skops"]
    if any(re.fullmatch(r"([^/]+/)?saved_model\.pb", name) for name in names):
        return FORMATS["saved_model"]
    if any(name.endswith((".pkl", ".pickle", ".joblib")) for name in names):
        raise ExportError(f"the archive holds {_PICKLE}")
    raise ExportError(f"the archive is no model that can be uploaded: those are {ACCEPTED}")


def is_onnx(file: BinaryIO) -> bool:
    """Whether a whole file reads as an `onnx.ModelProto`: fields that it has, one after the other, a graph among them.

    https://protobuf.dev/programming-guides/encoding/ and onnx.proto; nothing inside the fields is looked at.
    """
    size = file.seek(0, 2)
    file.seek(0)
    fields: set[int] = set()
    while (at := file.tell()) < size:
        tag = _varint(file)
        if tag is None or tag >> 3 not in _MODEL_FIELDS or tag & 7 != _MODEL_FIELDS[tag >> 3]:
            return False
        fields.add(tag >> 3)
        value = _varint(file)
        if value is None:
            return False
        if tag & 7 == _LENGTH:
            file.seek(value, 1)
        if not at < file.tell() <= size:
            return False
    return _GRAPH in fields and _OPSETS in fields


_VARINT, _LENGTH = 0, 2
_GRAPH, _OPSETS = 7, 8
_MODEL_FIELDS = {1: _VARINT, 5: _VARINT} | dict.fromkeys((2, 3, 4, 6, _GRAPH, _OPSETS, 14, 20, 25, 26), _LENGTH)


def _varint(file: BinaryIO) -> int | None:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return None


def _is_old_pickle(head: bytes) -> bool:
    """Whether it begins as pickles of the first protocols do, which have no mark of their own; nothing is run."""
    try:
        found = [opcode.name for opcode, _, _ in islice(pickletools.genops(head), 3)]
    except Exception:  # ValueError, and what its readers of arguments raise
        return False
    return bool(found)
