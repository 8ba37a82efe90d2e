"""Images as they arrive, JPEG, PNG or WebP by their content, to the pixels that a model takes.

Training and serving call the same `pixels_of`, so that a model sees in service what it was trained on.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from starlette.datastructures import UploadFile

from registry.errors import InvalidInput, PayloadTooLarge, UnsupportedMediaType
from registry.settings import settings

Pixels = Any  # a uint8 array (height, width, channels)

FORMATS = ("JPEG", "PNG", "WEBP")
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
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


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An uploaded image, not looked at yet: the type of a method's parameter, `file: ImageFile` or `list[ImageFile]`."""

    name: str  # as the client calls it; for nothing but to be shown
    data: bytes

    def pixels(self, height: int, width: int) -> Pixels:
        """What `pixels_of` makes of it: some milliseconds of work, which belong into a thread."""
        return pixels_of(self.data, height, width)

    @classmethod
    def of(cls, value: Any) -> "ImageFile":
        """A file of a form, as the platform or BentoML reads it; text is never taken for one, nor for its address."""
        if isinstance(value, cls):
            return value
        if isinstance(value, bytes):
            return cls("", value)
        if isinstance(value, UploadFile):
            return cls(value.filename or "", value.file.read())
        raise PydanticCustomError("file", "Send an image as a file, not as text")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validated by `of`; written as its bytes."""
        written = core_schema.plain_serializer_function_ser_schema(lambda file: file.data)
        return core_schema.no_info_plain_validator_function(cls.of, serialization=written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """What BentoML, its clients and our document know a file by."""
        return {"type": "file", "format": "image"}


def pixels_of(data: bytes, height: int, width: int, *, grey: bool = False) -> Pixels:
    """The image as a uint8 array (height, width, 3): upright, RGB on white, stretched to that size; grey has one channel.

    Raises UnsupportedMediaType for what is no JPEG, PNG or WebP by its content, PayloadTooLarge for too many bytes or
    pixels, before it is decoded, and InvalidInput for what is damaged or animated.
    """
    chosen = settings()
    if len(data) > chosen.image_max_bytes:
        raise PayloadTooLarge(
            f"The image is larger than {chosen.image_max_bytes} bytes.", {"max_bytes": chosen.image_max_bytes}
        )
    if not data:
        raise InvalidInput("The image is empty.")
    if not data.startswith(_BEGINNINGS) or (data[:4] == b"RIFF" and data[8:12] != b"WEBP"):
        raise UnsupportedMediaType("The file is no JPEG, PNG or WebP image.", {"formats": list(FORMATS)})
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            _refuse(opened, chosen.image_max_pixels)
            return _pixels(opened, height, width, "L" if grey else "RGB")
    except (InvalidInput, PayloadTooLarge):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(chosen.image_max_pixels) from None
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
