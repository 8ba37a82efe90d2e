"""Kept images: on the disk nothing of them can be seen, and their days end."""

import os
import stat
from pathlib import Path
from time import time

import pytest

from registry import images, secrets_file
from registry.errors import SettingsError, Unavailable
from registry.settings import settings

MARKER = b"what only the client should see"
IMAGE = b"\x89PNG\r\n\x1a\n" + MARKER * 50
DAY = 86_400.0


def files(home: Path) -> list[Path]:
    """All that lies below the folder of images, but for its lock."""
    return [path for path in (home / "images").rglob("*") if path.is_file() and path.name != ".lock"]


def kept(image: bytes = IMAGE) -> str:
    """The name of an image that was kept."""
    name = images.digest(image)
    images.keep(image, name)
    return name


@pytest.fixture
def key(home: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A setting that can be changed."""
    monkeypatch.setenv("MODELPORT_IMAGE_KEY", "k" * 32)
    return monkeypatch


def changed(key: pytest.MonkeyPatch, value: str) -> None:
    key.setenv("MODELPORT_IMAGE_KEY", value)
    settings.cache_clear()


def test_an_image_comes_back_as_it_was_and_the_disk_shows_nothing_of_it(home: Path) -> None:
    name = kept()
    assert images.read(name) == IMAGE and images.is_here(name)
    (file,) = files(home)
    assert file == home / "images" / name[:2] / name
    assert not [path for path in home.rglob("*") if path.is_file() and MARKER in path.read_bytes()]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent, home / "images")]
    assert [oct(mode) for mode in modes] == ["0o600", "0o700", "0o700"]


def test_an_image_that_comes_again_is_kept_once_for_as_long_as_the_last(home: Path) -> None:
    name = kept()
    (file,) = files(home)
    os.utime(file, (0, time() - 29 * DAY))
    before = file.read_bytes()
    assert kept() == name and files(home) == [file] and file.read_bytes() == before
    images.sweep(time() - 1 * DAY)
    assert images.read(name) == IMAGE


def test_names_tell_nothing_without_the_key(key: pytest.MonkeyPatch) -> None:
    names = set()
    for value in ("a" * 32, "b" * 32):
        changed(key, value)
        names.add(images.digest(IMAGE))
    assert len(names) == 2 and all(len(name) == 64 for name in names)


def test_another_key_is_said_in_a_line(key: pytest.MonkeyPatch) -> None:
    name = kept()
    changed(key, "n" * 32)
    with pytest.raises(Unavailable, match="^This image can't be read: it is damaged, or was kept with another key.$"):
        images.read(name)


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 2000])
def test_so_is_a_damaged_file(home: Path, damage: bytes) -> None:
    name = kept()
    files(home)[0].write_bytes(damage)
    with pytest.raises(Unavailable, match="damaged"):
        images.read(name)


def test_a_file_under_anothers_name_is_not_shown(home: Path) -> None:
    first, second = kept(), kept(b"another")
    place = home / "images" / second[:2] / second
    place.write_bytes((home / "images" / first[:2] / first).read_bytes())
    with pytest.raises(Unavailable, match="damaged"):
        images.read(second)


def test_what_is_not_there_is_none(home: Path) -> None:
    assert images.read("ab" * 32) is None and not images.is_here("ab" * 32)


def test_images_go_when_their_days_are_over_and_so_does_what_a_killed_writer_left(home: Path) -> None:
    old, new = kept(b"old"), kept(b"new")
    left = home / "images" / old[:2] / f"{old}.new"
    left.write_bytes(b"half of it")
    for path in (left, home / "images" / old[:2] / old):
        os.utime(path, (0, time() - 31 * DAY))
    images.sweep(time() - 30 * DAY)
    assert images.read(old) is None and images.read(new) == b"new"
    assert [path.name for path in files(home)] == [new]


def test_a_disk_without_room_leaves_nothing_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    assert settings().image_secret  # made while there is room
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        kept()
    assert files(home) == []


def test_what_can_not_be_kept_is_refused_at_the_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images.check()
    monkeypatch.setenv("MODELPORT_KEEP_IMAGES", "true")
    settings.cache_clear()
    images.check()
    assert len(settings().image_secret) == 2 * secrets_file.LENGTH and (home / "secrets" / "image_key").exists()
    monkeypatch.setenv("MODELPORT_IMAGE_KEY", "hunter2")
    settings.cache_clear()
    with pytest.raises(SettingsError, match="^MODELPORT_IMAGE_KEY is too short: a secret has at least 32 characters$"):
        images.check()
    monkeypatch.delenv("MODELPORT_IMAGE_KEY")
    monkeypatch.setenv("MODELPORT_DATABASE_URL", "postgresql://db.example/modelport")
    settings.cache_clear()
    with pytest.raises(SettingsError, match="^MODELPORT_IMAGE_KEY is not set: an external registry needs"):
        images.check()
