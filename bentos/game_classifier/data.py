"""Screenshots to learn from: synthetic ones, drawn with Pillow for each category of game, or your own class folders.

Both come as files do, encoded, and become pixels by `pixels_of`, as an image does that is sent to the service.
"""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ImageEnhance, ImageFilter

from bentos.game_classifier import scenes, views
from bentos.game_classifier.screen import Screen, banner, bar, caption, menu, small_map
from registry.errors import PlatformError
from services.inference.images import pixels_of

SIDE = 96  # pixels: height and width that the model takes
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
FEWEST = 10  # images of a class: below, nothing could be learnt nor measured
_NAMED = 5  # of the files that can't be read
_SIZES = ((480, 270), (512, 288), (640, 360), (400, 300), (320, 240))

SCENES: dict[str, Callable[[Screen], None]] = {
    "platformer": scenes.platformer,
    "puzzle": views.puzzle,
    "racing": scenes.racing,
    "shooter": scenes.shooter,
    "sports": views.sports,
    "strategy": views.strategy,
}


@dataclass(frozen=True)
class Screenshots:
    """Labelled images: `pixels` is (n, SIDE, SIDE, 3) of bytes, `labels` (n,) are places in `classes`."""

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    unread: tuple[str, ...] = ()  # files that were left out, each with the reason

    @property
    def warning(self) -> str | None:
        """One line about what was left out."""
        if not self.unread:
            return None
        more = f"; and {len(self.unread) - _NAMED} more" if len(self.unread) > _NAMED else ""
        return f"left out {len(self.unread)} unreadable files: {'; '.join(self.unread[:_NAMED])}{more}"


def draw(category: str, rng: np.random.Generator) -> bytes:
    """One synthetic screenshot of that category, as a JPEG file of some common size."""
    screen = Screen(rng, _SIZES[rng.integers(len(_SIZES))])
    SCENES[category](screen)
    for part, share in ((caption, 0.75), (caption, 0.4), (bar, 0.35), (small_map, 0.3), (banner, 0.15), (menu, 0.06)):
        if screen.chance(share):
            part(screen)
    return _captured(screen)


def _captured(screen: Screen) -> bytes:
    """The screen as somebody happens to keep it: a part of it, darker or paler, blurred, compressed."""
    image = screen.image
    if screen.chance(0.2):
        kept = screen.between(0.6, 0.9)
        left, top = screen.between(0, 1 - kept) * screen.width, screen.between(0, 1 - kept) * screen.height
        image = image.crop(
            (round(left), round(top), round(left + kept * screen.width), round(top + kept * screen.height))
        )
    image = ImageEnhance.Brightness(image).enhance(screen.between(0.5, 1.3))
    image = ImageEnhance.Color(image).enhance(screen.between(0.3, 1.3))
    if screen.chance(0.3):
        image = image.filter(ImageFilter.GaussianBlur(screen.between(0.5, 2)))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=screen.count(25, 92))
    return file.getvalue()


def generate(count: int, seed: int) -> Screenshots:
    """Draw `count` screenshots, the same for the same seed, categories in equal shares."""
    rng, classes = np.random.default_rng(seed), tuple(SCENES)
    labels = np.arange(count) % len(classes)
    pixels = [pixels_of(draw(classes[label], rng), SIDE, SIDE) for label in labels]
    return Screenshots(np.stack(pixels), labels, classes)


def read_folder(folder: Path) -> Screenshots:
    """Read FOLDER/<class>/<image>; ValueError says in one line what is wrong.

    Other kinds of files, deeper folders and names with a leading dot are passed over; unreadable images are left out and named.
    """
    classes = [name for name in _names(folder) if (folder / name).is_dir()]
    if len(classes) < 2:
        found = f"only one class folder ({classes[0]})" if classes else "no class folders"
        raise ValueError(
            f"{folder}: {found}: expected two or more, each with its images: {folder.name}/CLASS/IMAGE.png"
        )
    pixels: list[npt.NDArray[np.uint8]] = []
    counts, unread = [], []
    for name in classes:
        before = len(pixels)
        for path in _images(folder / name):
            try:
                pixels.append(pixels_of(path.read_bytes(), SIDE, SIDE))
            except (OSError, PlatformError) as error:
                unread.append(f"{name}/{path.name} ({_reason(error)})")
        counts.append(len(pixels) - before)
    labels = np.repeat(np.arange(len(classes)), counts)
    few = [f"{name} has {count}" for name, count in zip(classes, counts, strict=True) if count < FEWEST]
    read = Screenshots(np.stack(pixels) if pixels else np.empty(0, np.uint8), labels, tuple(classes), tuple(unread))
    if few:
        left_out = f"; {read.warning}" if read.warning else ""
        raise ValueError(f"{folder}: too few images: {', '.join(few)}, {FEWEST} or more are needed{left_out}")
    return read


def _images(folder: Path) -> Iterator[Path]:
    paths = (folder / name for name in _names(folder))
    return (path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file())


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise ValueError(f"{folder}: {(error.strerror or 'cannot be read').lower()}") from None


def _reason(error: OSError | PlatformError) -> str:
    said = error.strerror if isinstance(error, OSError) else error.message
    return (said or "cannot be read").rstrip(".").lower()
