"""A network that takes images: of which size, and what it takes a pixel as."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from registry.errors import ExportError
from services.inference.describing import Description
from services.inference.signature import Field, Pixels

CHANNELS = (1, 3)  # grey, RGB
SCALING = ("Rescaling", "Normalization", "Divide", "TrueDivide", "RealDiv", "Div", "Multiply", "Mul", "Subtract", "Sub",
           "BatchNormalization")  # fmt: skip
"""What a network may begin with that takes bytes to its own range: layers and operations of Keras, TensorFlow and ONNX."""


@dataclass(frozen=True)
class AsImage:
    """What `--input image` asks for; `pixels` None means: find out."""

    pixels: Pixels | None = None

    def field(self, inputs: Sequence[Field], scales: Callable[[], bool]) -> Field:
        """The one input as bytes; ExportError for a network that takes no image. `scales`: does it begin with scaling?"""
        if len(inputs) != 1:
            raise ExportError(f"`--input image` is for models with one input, this one has {len(inputs)}")
        field = inputs[0]
        check_shape(field.shape, field.dtype)
        pixels = self.pixels or ("0..255" if field.integer_range or scales() else "0..1")
        return field.model_copy(update={"dtype": "uint8", "pixels": pixels, "largest": None})


def check_shape(shape: Sequence[int | None], dtype: str) -> None:
    """ExportError unless a row of that shape is an image: (height, width, channels), all of them known."""
    if len(shape) != 3 or dtype in ("string", "bool"):
        told = ", ".join("any" if size is None else str(size) for size in shape)
        raise ExportError(f"the model takes no image: its input is {dtype} ({told}), not (height, width, channels)")
    if shape[2] not in CHANNELS:
        if shape[0] in CHANNELS:
            raise ExportError("the model takes its channels first: save it so that it takes (height, width, channels)")
        raise ExportError(f"the model takes no image: it wants {shape[2] or 'any number of'} channels, not 3 or 1")
    if None in shape:
        raise ExportError(
            "the model takes images of any size: save it with a fixed one, as keras.Input((224, 224, 3)) has"
        )


def remark(pixels: Pixels, asked: Pixels | None) -> str:
    """What was chosen, for the user."""
    if asked is not None:
        return f"images go to the network as {pixels}"
    if pixels == "0..255":
        return "images go to the network as 0..255, for it scales them itself; `--pixels` says otherwise"
    return f"images go to the network as {pixels}, for it does not scale them itself; `--pixels` says otherwise"


def of_image(description: Description, *notes: str) -> Description:
    """The description of such a network: an example in numbers would be longer than all the rest."""
    return replace(
        description,
        signature=description.signature.model_copy(update={"example": {}}),
        remarks=[*description.remarks, *notes],
    )
