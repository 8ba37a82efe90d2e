"""Infers the signature of a loaded model from the model itself and the sample rows, and says plainly what doesn't fit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from registry.errors import ExportError
from services.inference.instances import Row
from services.inference.runtimes import kind_of
from services.inference.signature import Signature

if TYPE_CHECKING:
    from services.inference.describing.images import AsImage


@dataclass(frozen=True)
class Description:
    """What was learnt of a model: its signature, the sample's first rows for the replay, and remarks for the user.

    `rows` are as JSON carries them, `values` the same rows as the user's own code would hand them to the model.
    """

    signature: Signature
    rows: Sequence[Row]
    values: Any
    remarks: list[str] = field(default_factory=list)

    @property
    def calls(self) -> Sequence[Row]:
        """The rows as they come to the runtime: images as arrays, for they come as files."""
        return [(image,) for image in self.values[0]] if self.signature.image is not None else self.rows


def describe(
    framework: str, model: Any, sample: Any | None, classes: Sequence[str] | None, image: "AsImage | None" = None
) -> Description:
    """The description of a loaded model; ExportError when the sample, the class names or `--input` don't fit it."""
    module = import_module(f"services.inference.describing.{kind_of(framework)}")
    if image is not None and kind_of(framework) == "sklearn":
        raise ExportError("`--input image` is for neural networks; this model takes rows of a table")
    description: Description = module.describe(model, sample, classes, *([image] if image is not None else []))
    return description
