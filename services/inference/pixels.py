"""Decodes images with Pillow: refused by their heads, turned upright, flattened on white, resized; always to the same pixels."""

import io

import numpy as np
from PIL import Image

from registry.errors import InvalidInput, PayloadTooLarge, PlatformError
from registry.settings import settings
from services.inference.images import FORMATS, Pixels

_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = {_UPRIGHT[number] for number in (5, 6, 7, 8)}  # height and width change places
_GAP = 2  # decode and reduce to no less than this many times the wanted size: what is left is resized exactly


def decode(data: bytes, height: int, width: int, mode: str) -> Pixels:
    """The pixels of what begins as one of the formats do, in mode `RGB` or `L`; raises as `pixels_of` does."""
    most = settings().image_max_pixels
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            _refuse(opened, most)
            return _pixels(opened, height, width, mode)
    except PlatformError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(most) from None
    except Exception as error:  # Pillow's readers raise anything from OSError to IndexError for damaged bytes
        raise InvalidInput("The image is damaged or cut off.") from error


def _refuse(image: Image.Image, most: int) -> None:
    """Refuse by what the head says, before anything is decoded."""
    if image.width * image.height > most:
        raise _too_many_pixels(most)
    if image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
        raise InvalidInput("The image is animated: send one picture.")


def _too_many_pixels(most: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The image has more than {most} pixels.", {"max_pixels": most})


def _pixels(image: Image.Image, height: int, width: int, mode: str) -> Pixels:
    if image.format in ("PNG", "WEBP"):
        image.load()  # a PNG may say after its pixels which way is up
    upright = _UPRIGHT.get(_orientation(image))
    size = (height, width) if upright in _TURNED else (width, height)
    drafted = image.draft(None, (size[0] * _GAP, size[1] * _GAP))  # a JPEG is decoded at 1/2, 1/4 or 1/8 of its size
    box = None if drafted is None else drafted[1]
    resized = _rgb(image).resize(size, Image.Resampling.BILINEAR, box, reducing_gap=_GAP).convert(mode)
    pixels = np.asarray(resized if upright is None else resized.transpose(upright))
    return pixels.reshape(height, width, -1)


def _orientation(image: Image.Image) -> int:
    """1 to 8; as browsers do, upright where the EXIF block can't be read."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # as above: whatever Pillow's reader of TIFF stumbles upon
        return 1
    return found if isinstance(found, int) else 1


def _rgb(image: Image.Image) -> Image.Image:
    """The whole picture in RGB: 16 bits by the upper 8, what is transparent on white."""
    image.load()
    if image.mode.startswith("I"):  # Pillow would cut off what is above 255
        values = np.asarray(image)
        values = np.where(values == image.info.get("transparency"), 65535, values)
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    ground = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(ground, seen).convert("RGB")
