"""Images as they arrive: JPEG, PNG or WebP by their content, and what a hand-written service takes them as.

Training and serving call the same `pixels_of`, so that a model sees in service what it was trained on.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from starlette.datastructures import UploadFile

from registry.errors import InvalidInput, PayloadTooLarge, UnsupportedMediaType
from registry.settings import settings

Pixels = Any  # a uint8 array (height, width, channels)

FORMATS = ("JPEG", "PNG", "WEBP")
EXAMPLE = [[[16 * row, 16 * column, 128] for column in range(16)] for row in range(16)]
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


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
    most = settings().image_max_bytes
    if len(data) > most:
        raise PayloadTooLarge(f"The image is larger than {most} bytes.", {"max_bytes": most})
    if not data:
        raise InvalidInput("The image is empty.")
    if not data.startswith(_BEGINNINGS) and (data[:4], data[8:12]) != (b"RIFF", b"WEBP"):
        raise UnsupportedMediaType("The file is no JPEG, PNG or WebP image.", {"formats": list(FORMATS)})
    from services.inference.pixels import decode  # what serves no images needs no Pillow

    return decode(data, height, width, "L" if grey else "RGB")


def png_of(pixels: Any) -> bytes:
    """A PNG file of pixels, which `pixels_of` reads to the same at their own size; one channel is grey."""
    import io

    import numpy as np
    from PIL import Image

    array = np.asarray(pixels, "uint8")
    written = io.BytesIO()
    Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array).save(written, "PNG")
    return written.getvalue()
