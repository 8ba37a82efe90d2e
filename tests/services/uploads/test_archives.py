"""Zip archives from strangers: what is refused, and that nothing is ever written outside of the folder."""

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ExportError
from services.packaging import archives
from services.packaging.archives import extract, open_checked
from tests.services.uploads.samples import zipped

MOST = 50 * 1024**2


def with_member(name: str, mode: int = 0, content: bytes = b"x") -> bytes:
    """An archive of one member with that mode."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        archive.writestr(member, content)
    return out.getvalue()


def twice(name: str, other: str) -> bytes:
    """An archive with two members of these names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns() if name == other else io.BytesIO():
        archive.writestr(name, b"1")
        archive.writestr(other, b"2")
    return out.getvalue()


def of_another_name(name: str) -> bytes:
    """An archive of a plain member whose Unicode Path extra field, APPNOTE.TXT 4.6.9, gives it that name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo("plain")
        path = struct.pack("<BL", 1, zlib.crc32(b"plain")) + name.encode()
        member.extra = struct.pack("<HH", 0x7075, len(path)) + path
        archive.writestr(member, b"x")
    return out.getvalue()


def with_a_second_end(total: int, length: int) -> bytes:
    """An archive with an end of the 64-bit kind, APPNOTE.TXT 4.3.14, which is believed before the other one."""
    end = GOOD.rfind(b"PK\x05\x06")
    large = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, total, total, length, GOOD.find(b"PK\x01\x02"))
    return GOOD[:end] + large + struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1) + GOOD[end:]


def overlapping() -> bytes:
    """An archive whose directory names one member's bytes twice, under two names."""
    plain = bytearray(zipped({"a": b"x" * 100, "b": b"y"}, zipfile.ZIP_STORED))
    second = plain.rfind(b"PK\x01\x02")
    plain[second + 42 : second + 46] = struct.pack("<L", 0)
    return bytes(plain)


def encrypted() -> bytes:
    """An archive that says that its member is encrypted."""
    plain = bytearray(zipped({"a": b"x"}, zipfile.ZIP_STORED))
    plain[plain.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(plain)


GOOD = zipped({"a": b"x" * 100, "b/c": b"y"})
BAD = {
    "cut off": (GOOD[:-10], "no end"),
    "more after its end": (GOOD + b"more", "after its end"),
    "no directory": (
        GOOD[: GOOD.rfind(b"PK\x05\x06")] + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, 99, 9, 0),
        "damaged",
    ),
    "a climbing path": (zipped({"../evil": b"x"}), "leads out"),
    "an absolute path": (zipped({"/etc/evil": b"x"}), "leads out"),
    "a climbing path inside": (zipped({"a/../../evil": b"x"}), "leads out"),
    "a backslash": (with_member("..\\evil"), "no plain path"),
    "a drive": (zipped({"C:evil": b"x"}), "no plain path"),
    "a line break": (zipped({"a\nb": b"x"}), "no plain path"),
    "a NUL": (with_member("a_b").replace(b"a_b", b"a\0b"), "no plain path"),
    "a long name": (zipped({"a" * 600: b"x"}), "no plain path"),
    "a link": (with_member("link", stat.S_IFLNK | 0o777, b"/etc/passwd"), "link or a special file"),
    "a device": (with_member("device", stat.S_IFCHR | 0o666), "link or a special file"),
    "a pipe": (with_member("pipe", stat.S_IFIFO | 0o666), "link or a special file"),
    "the same name twice": (twice("a", "a"), "of one name"),
    "names that some file systems take for one": (twice("A", "a"), "of one name"),
    "a file as a folder": (twice("a", "a/b"), "needs a folder"),
    "another archive": (zipped({"inner": GOOD}), "another archive"),
    "a compressed tar": (zipped({"inner": b"\x1f\x8b\x08 and so on"}), "another archive"),
    "a bomb": (zipped({"zeros": bytes(40 * 1024**2)}), "times its size"),
    "too much": (zipped({"zeros": bytes(60 * 1024**2)}), "unpacks to more"),
    "shared bytes": (overlapping(), "overlap"),
    "a cipher": (encrypted(), "encrypted"),
    "a 64-bit end": (with_a_second_end(2, GOOD.rfind(b"PK\x05\x06") - GOOD.find(b"PK\x01\x02")), "Zip64"),
    "an odd compression": (zipped({"a": b"x"}, zipfile.ZIP_LZMA), "deflate"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_refused(what: str, tmp_path: Path) -> None:
    content, reason = BAD[what]
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ExportError, match=reason):
        open_checked(tmp_path / "file", MOST)


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    (tmp_path / "file").write_bytes(zipped({str(number): b"" for number in range(11)}))
    with pytest.raises(ExportError, match="more than 10 members"):
        open_checked(tmp_path / "file", MOST)


def test_a_directory_that_lies_about_its_length_is_not_read_whole(tmp_path: Path) -> None:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 2**31, 0, 0)
    (tmp_path / "file").write_bytes(b"PK\x03\x04" + end)
    with pytest.raises(ExportError, match="more than 10000 members"):
        open_checked(tmp_path / "file", MOST)


def test_more_members_than_the_end_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    content = zipped({str(number): b"" for number in range(11)})
    end = content.rfind(b"PK\x05\x06")
    fewer = struct.pack("<2H", 1, 1)
    (tmp_path / "file").write_bytes(content[: end + 8] + fewer + content[end + 12 :])
    with pytest.raises(ExportError, match="more than 10 members"):
        open_checked(tmp_path / "file", MOST)


def test_a_member_with_two_names_is_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("plain")
    member.filename = "../evil"  # as Python 3.12 reads the extra field
    with pytest.raises(ExportError, match="two names"):
        archives._check_member(member)
    (tmp_path / "file").write_bytes(of_another_name("../evil"))
    try:
        with open_checked(tmp_path / "file", MOST) as archive:
            extract(archive, tmp_path / "inside")
    except ExportError as error:
        assert "two names" in error.message
    assert not (tmp_path / "evil").exists()


_PARTS = st.sampled_from(
    ["a", "b", "..", ".", "", "C:", "\\", "x\\y", "é", "e\u0301", "A", "con", "a\x00", "\u202e", " ", "~"]
)
_NAMES = st.lists(st.lists(_PARTS, min_size=1, max_size=5).map("/".join), min_size=1, max_size=4, unique=True)
_MODES = st.sampled_from([0, stat.S_IFREG | 0o777, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFSOCK, 0o4777])


@pytest.mark.filterwarnings("ignore:Duplicate name")
@given(names=_NAMES, mode=_MODES, cut=st.integers(-3, 3))
def test_whatever_the_names_nothing_is_written_outside(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], mode: int, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, b"" if name.endswith("/") else b"content")
    content = out.getvalue()
    (folder / "file").write_bytes(content[:cut] if cut < 0 else content + bytes(cut))
    try:
        with open_checked(folder / "file", MOST) as archive:
            extract(archive, folder / "inside")
    except ExportError:
        pass
    made = {path for path in folder.rglob("*") if path.is_file()}
    assert all(path == folder / "file" or folder / "inside" in path.parents for path in made)
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    if (folder / "inside").exists():
        written = sum(path.is_file() for path in (folder / "inside").rglob("*"))
        assert written == sum(not name.endswith("/") for name in names)
