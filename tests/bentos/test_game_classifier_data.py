"""Drawn screenshots are repeatable and alike in size; class folders are read, or refused in one line."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from bentos.game_classifier.data import FEWEST, SCENES, SIDE, draw, generate, read_folder
from services.inference.images import pixels_of


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two class folders of ten images each."""
    folder, rng = tmp_path_factory.mktemp("shots"), np.random.default_rng(3)
    for category in ("puzzle", "racing"):
        (folder / category).mkdir()
        for number in range(FEWEST):
            (folder / category / f"{number}.JPG").write_bytes(draw(category, rng))
    return folder


@pytest.fixture
def folder(drawn: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(drawn, tmp_path / "shots")


def test_the_same_seed_draws_the_same_screenshots() -> None:
    first, again, other = generate(12, 7), generate(12, 7), generate(12, 8)
    assert np.array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, other.pixels)
    assert first.pixels.shape == (12, SIDE, SIDE, 3) and first.pixels.dtype == np.uint8


def test_categories_come_in_equal_shares() -> None:
    shots = generate(13, 7)
    assert shots.classes == tuple(SCENES)
    assert np.bincount(shots.labels).tolist() == [3, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("category", SCENES)
def test_no_two_screens_of_a_category_are_alike(category: str) -> None:
    rng = np.random.default_rng(5)
    first, second = (pixels_of(draw(category, rng), SIDE, SIDE).astype(float) for _ in range(2))
    assert np.abs(first - second).mean() > 10
    assert first.std() > 5, "something is on it"


def test_a_folder_is_read_as_the_service_reads_an_image(folder: Path) -> None:
    (folder / ".cache").mkdir()
    (folder / "racing" / "notes.txt").write_text("not an image")
    (folder / "readme.md").write_text("not a class")
    shots = read_folder(folder)
    assert (shots.classes, shots.labels.tolist()) == (("puzzle", "racing"), [0] * FEWEST + [1] * FEWEST)
    assert np.array_equal(shots.pixels[0], pixels_of((folder / "puzzle" / "0.JPG").read_bytes(), SIDE, SIDE))
    assert shots.warning is None


def test_what_cannot_be_read_is_left_out_and_named(folder: Path) -> None:
    (folder / "puzzle" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "racing" / "empty.webp").touch()
    (folder / "racing" / "text.jpg").write_text("hello")
    shots = read_folder(folder)
    assert len(shots.labels) == 2 * FEWEST
    assert shots.warning == (
        "left out 3 unreadable files: puzzle/cut.png (the image is damaged or cut off); "
        "racing/empty.webp (the image is empty); racing/text.jpg (the file is no jpeg, png or webp image)"
    )


def test_many_unreadable_files_are_counted(folder: Path) -> None:
    for number in range(8):
        (folder / "racing" / f"bad{number}.png").touch()
    warning = read_folder(folder).warning
    assert warning is not None and warning.startswith("left out 8 unreadable files: racing/bad0.png")
    assert warning.endswith("racing/bad4.png (the image is empty); and 3 more")


def test_too_few_images_are_refused_with_what_was_left_out(folder: Path) -> None:
    (folder / "racing" / "9.JPG").write_bytes(b"")
    with pytest.raises(ValueError) as caught:
        read_folder(folder)
    assert str(caught.value) == (
        f"{folder}: too few images: racing has 9, 10 or more are needed; "
        "left out 1 unreadable files: racing/9.JPG (the image is empty)"
    )


def test_a_folder_without_classes_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"no class folders: expected two or more, each with its images"):
        read_folder(folder / "racing")
    shutil.rmtree(folder / "puzzle")
    with pytest.raises(ValueError, match=r"only one class folder \(racing\)"):
        read_folder(folder)
    with pytest.raises(ValueError, match=r"nowhere: no such file or directory$"):
        read_folder(folder / "nowhere")
