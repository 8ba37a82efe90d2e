"""Zip archives from strangers: what is looked at before a byte is unpacked, and the unpacking that trusts no name."""

import re
import shutil
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from registry.errors import ExportError

MOST_MEMBERS = 10_000
MOST_RATIO = 100  # unpacked to packed, of archives that unpack to more than
UNSUSPICIOUS = 32 * 1024**2  # bytes
LONGEST_NAME = 512
ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")

_END = struct.Struct("<4s4H2LH")  # the end of the central directory: APPNOTE.TXT 4.3.16
_LOCATOR = 20  # bytes, of what stands before that end in a Zip64 archive: 4.3.15
_TOO_MANY = "the archive has more than {} members"
_ODD = re.compile(r"[\x00-\x1f\x7f\\:]")


def open_checked(path: Path, most_bytes: int) -> zipfile.ZipFile:
    """The archive, whose members are few, plain, of different names, inside it, and unpack to no more than that.

    Raises ExportError with what is wrong with it.
    """
    _check_end(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, UnicodeDecodeError, struct.error) as error:
        raise ExportError(f"the archive is truncated or damaged ({type(error).__name__})") from None
    try:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:  # whatever its end says
            raise ExportError(_TOO_MANY.format(MOST_MEMBERS))
        for member in members:
            _check_member(member)
        _check_names(members)
        _check_sizes(members, path.stat().st_size, most_bytes)
        _check_places(members)
        _check_contents(archive, members)
    except BaseException:
        archive.close()
        raise
    return archive


def read(archive: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """The content of a member; ExportError when it is larger than that, or damaged."""
    if archive.getinfo(name).file_size > most_bytes:
        raise ExportError(f"{name} in the archive is larger than {most_bytes} bytes")
    try:
        return archive.read(name)
    except Exception as error:  # zlib's own, BadZipFile, NotImplementedError
        raise ExportError(f"the archive is truncated or damaged ({type(error).__name__})") from None


def extract(archive: zipfile.ZipFile, folder: Path) -> None:
    """Unpack a checked archive into a new folder; a file that is there is never written over."""
    folder.mkdir(mode=0o700)
    for member in archive.infolist():
        target = folder / member.filename
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True, mode=0o700)
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with archive.open(member) as source, target.open("xb") as written:
                shutil.copyfileobj(source, written)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            raise ExportError(f"the archive is truncated or damaged ({type(error).__name__})") from None


def _check_end(path: Path) -> None:
    """Before the directory is read as a whole: how long it says it is. Nothing may follow it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _LOCATOR - _END.size - 0xFFFF))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ExportError("the archive is truncated: it has no end")
    _, disk, first, here, total, length, _, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail) or disk or first or here != total:
        raise ExportError("the archive has more after its end, or is one of several parts")
    if tail[max(0, at - _LOCATOR) : at].startswith(b"PK\x06\x07"):  # whose numbers would count instead of these
        raise ExportError("the archive is a Zip64 one, which is not read here")
    if total > MOST_MEMBERS or length > MOST_MEMBERS * (LONGEST_NAME + 100):
        raise ExportError(_TOO_MANY.format(MOST_MEMBERS))


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    if len(name) > LONGEST_NAME or _ODD.search(name) or not name:
        raise ExportError("the archive has a member whose name is no plain path")
    if member.filename != name:  # Python 3.12 takes another one from an extra field, and unpacks to it
        raise ExportError("the archive has a member with two names")
    parts = name.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise ExportError("the archive has a member whose path leads out of it")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ExportError("the archive has a member that is a link or a special file")
    if member.flag_bits & 0x1:
        raise ExportError("the archive is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ExportError("the archive is compressed in a way that is not read here; deflate is")
    if member.is_dir() and member.file_size:
        raise ExportError("the archive has a folder with a content")


def _check_names(members: Sequence[zipfile.ZipInfo]) -> None:
    """No two members may be one file, on any file system; none may stand where another needs a folder."""
    seen: set[str] = set()
    folders: set[str] = set()
    for member in members:
        path = PurePosixPath(unicodedata.normalize("NFC", member.filename).casefold())
        if str(path) in seen:
            raise ExportError("the archive has two members of one name")
        seen.add(str(path))
        folders.update(str(parent) for parent in path.parents)
    files = {
        str(PurePosixPath(unicodedata.normalize("NFC", member.filename).casefold()))
        for member in members
        if not member.is_dir()
    }
    if files & folders:
        raise ExportError("the archive has a file where another member needs a folder")


def _check_sizes(members: Sequence[zipfile.ZipInfo], packed: int, most_bytes: int) -> None:
    total = sum(member.file_size for member in members)
    if total > most_bytes:
        raise ExportError(f"the archive unpacks to more than {most_bytes} bytes")
    if total > max(UNSUSPICIOUS, MOST_RATIO * packed):
        raise ExportError(f"the archive unpacks to more than {MOST_RATIO} times its size")


def _check_places(members: Sequence[zipfile.ZipInfo]) -> None:
    """No two members may share bytes, which is how a small archive unpacks to petabytes."""
    end = 0
    for member in sorted(members, key=lambda one: one.header_offset):
        if member.header_offset < end:
            raise ExportError("the archive has members that overlap")
        end = member.header_offset + 30 + member.compress_size


def _check_contents(archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo]) -> None:
    for member in members:
        if member.is_dir():
            continue
        try:
            with archive.open(member) as content:
                begins = content.read(8)
        except Exception as error:  # zlib's own, BadZipFile for a header that says something else
            raise ExportError(f"the archive is truncated or damaged ({type(error).__name__})") from None
        if begins.startswith(ARCHIVES):
            raise ExportError("the archive has another archive in it")
