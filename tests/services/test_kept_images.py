"""The thread that keeps images: behind the answers, bounded, and silent but for one line when it can't."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from time import time

import pytest
from sqlmodel import select

from registry import database, images
from registry.clock import now
from registry.predictions import Prediction
from registry.settings import settings
from services import kept_images
from services.kept_images import KeptImages


@pytest.fixture
def keeper(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptImages]:
    """One whose thread isn't started yet, where images are kept."""
    monkeypatch.setenv("MODELPORT_KEEP_IMAGES", "true")
    settings.cache_clear()
    made = KeptImages()
    yield made
    made.close()


def put(keeper: KeptImages, image: bytes) -> str | None:
    """The image's digest, if it is taken."""
    name = images.digest(image)
    return name if keeper.put(name, image) else None


def test_what_is_taken_is_kept_before_the_worker_ends(keeper: KeptImages) -> None:
    keeper.start()
    names = [put(keeper, bytes([number]) * 1000) for number in range(20)]
    keeper.close()
    assert [images.read(name or "") for name in names] == [bytes([number]) * 1000 for number in range(20)]


def test_nothing_runs_where_no_image_was_ever_kept(empty_home: Path) -> None:
    made = KeptImages()
    made.start()
    assert made._thread is None and not made.put("ab" * 32, b"x") and not (empty_home / "images").exists()


def test_only_so_many_wait_for_a_slow_disk(
    keeper: KeptImages, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, goes_on = Event(), Event()

    def slow(image: bytes, name: str) -> None:
        begun.set()
        goes_on.wait(30)

    monkeypatch.setattr(images, "keep", slow)
    monkeypatch.setattr(kept_images, "ROOM", 2500)
    keeper.start()
    assert put(keeper, b"1" * 1000) and begun.wait(30)
    taken = [put(keeper, b"%d" % number * 1000) is not None for number in (2, 3, 4)]
    goes_on.set()
    assert taken == [True, False, False] and caplog.text.count("an image is not kept") == 1
    keeper.close()
    assert keeper._bytes == 0


def test_a_full_disk_is_reported_once_and_tried_on(
    keeper: KeptImages, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keep, full = images.keep, [True] * 3

    def sometimes(image: bytes, name: str) -> None:
        if full:
            full.pop()
            raise OSError(28, "No space left on device")
        keep(image, name)

    monkeypatch.setattr(images, "keep", sometimes)
    keeper.start()
    names = [put(keeper, bytes([number]) * 10) for number in range(5)]
    keeper.close()
    assert [images.read(name or "") is not None for name in names] == [False] * 3 + [True] * 2
    assert caplog.text.count("No space left on device") == 1 and "Traceback" not in caplog.text


def remembered(name: str, days: int) -> None:
    """A prediction of an image, and the image's file, both so old."""
    made = now() - timedelta(days=days)
    with database.session() as session:
        session.add(
            Prediction(id=name[:32], request_id="r", position=0, image_hash=name, status="success", created_at=made)
        )
    file = next((settings().home / "images").rglob(name))
    os.utime(file, (0, time() - days * 86_400))


@pytest.mark.parametrize("still_keeping", ["true", "false"])
def test_images_end_with_their_days_though_no_more_are_kept(
    keeper: KeptImages, monkeypatch: pytest.MonkeyPatch, still_keeping: str
) -> None:
    old, new = images.digest(b"old"), images.digest(b"new")
    for name, image, days in ((old, b"old", 8), (new, b"new", 6)):
        images.keep(image, name)
        remembered(name, days)
    monkeypatch.setenv("MODELPORT_KEEP_IMAGES", still_keeping)
    monkeypatch.setenv("MODELPORT_IMAGE_DAYS", "7")
    settings.cache_clear()
    keeper.start()
    keeper.close()
    with database.reading() as session:
        rows = session.exec(select(Prediction.id, Prediction.image_hash))
        assert dict(rows.all()) == {old[:32]: None, new[:32]: new}
    assert (images.read(old), images.read(new)) == (None, b"new")
