"""What becomes of images, good and bad, before a model sees them."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from registry.errors import InvalidInput, PayloadTooLarge, PlatformError, UnsupportedMediaType
from services.inference.images import pixels_of, png_of
from tests.services.inference import pictures
from tests.services.inference.pictures import CORNERS, GREYS, scene, written

RIGHT = list(pictures.right())
WRONG = list(pictures.wrong())
FILES = [written(scene(), kind) for kind in ("JPEG", "PNG", "WEBP")]


def corners(pixels: Any) -> list[list[int]]:
    """The colours in the middles of the four corners."""
    height, width, _ = pixels.shape
    return [
        pixels[row, column].tolist()
        for row in (height // 4, height * 3 // 4)
        for column in (width // 4, width * 3 // 4)
    ]


@pytest.mark.parametrize(("data", "is_grey"), [case[1:] for case in RIGHT], ids=[case[0] for case in RIGHT])
def test_an_image_of_any_common_kind_has_the_right_pixels(data: bytes, is_grey: bool) -> None:
    for height, width in ((24, 32), (16, 16), (96, 128)):
        found = pixels_of(data, height, width)
        assert found.shape == (height, width, 3) and found.dtype == np.uint8
        assert np.allclose(corners(found), GREYS if is_grey else CORNERS, atol=16), corners(found)


@pytest.mark.parametrize(("data", "status"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_file_that_is_no_good_is_the_callers_fault(data: bytes, status: int) -> None:
    with pytest.raises(PlatformError) as refused:
        pixels_of(data, 24, 32)
    assert refused.value.status == status
    assert len(refused.value.message) < 80 and "\n" not in refused.value.message


def test_there_are_many_of_both() -> None:
    assert len({data for _, data, _ in [*RIGHT, *WRONG]}) >= 150


@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_no_damage_is_ever_our_fault(file: bytes, damage: list[tuple[int, int]]) -> None:
    data = bytearray(file)
    for at, value in damage:
        data[at % len(data)] = value
    try:
        found = pixels_of(bytes(data), 8, 8)
    except (InvalidInput, PayloadTooLarge, UnsupportedMediaType):
        return
    assert found.shape == (8, 8, 3)


def test_bytes_of_a_picture_of_that_size_are_not_touched() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert (pixels_of(png_of(noise), 20, 30) == noise).all()
    assert (pixels_of(png_of(noise[:, :, :1]), 20, 30, grey=True) == noise[:, :, :1]).all()


def test_a_large_jpeg_is_near_what_a_full_decoding_gives() -> None:
    waves = np.sin(np.linspace(0, 75, 300))[:, None] * np.cos(np.linspace(0, 100, 400))  # 4 pixels of the result each
    photo = Image.fromarray((np.stack([waves, -waves, waves / 2], axis=2) * 120 + 128).astype(np.uint8))
    data = written(photo, "JPEG", quality=95)
    with Image.open(io.BytesIO(data)) as opened:
        exact = np.asarray(opened.resize((64, 48), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(pixels_of(data, 48, 64) - exact).max() <= 12


def test_the_limits_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    from registry.settings import settings as chosen

    monkeypatch.setenv("MODELPORT_IMAGE_MAX_PIXELS", str(48 * 64 - 1))
    chosen.cache_clear()
    with pytest.raises(PayloadTooLarge, match="more than 3071 pixels"):
        pixels_of(FILES[0], 8, 8)
    monkeypatch.setenv("MODELPORT_IMAGE_MAX_BYTES", "100")
    chosen.cache_clear()
    with pytest.raises(PayloadTooLarge, match="larger than 100 bytes"):
        pixels_of(FILES[0], 8, 8)
    monkeypatch.undo()
    chosen.cache_clear()
