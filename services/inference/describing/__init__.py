"""Infers the signature of a loaded model from the model itself and the sample rows, and says plainly what doesn't fit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from services.inference.instances import Row
from services.inference.runtimes import kind_of
from services.inference.signature import Signature


@dataclass(frozen=True)
class Description:
    """What was learnt of a model: its signature, the sample's first rows for the replay, and remarks for the user.

    `rows` are as JSON carries them, `values` the same rows as the user's own code would hand them to the model.
    """

    signature: Signature
    rows: Sequence[Row]
    values: Any
    remarks: list[str] = field(default_factory=list)


def describe(framework: str, model: Any, sample: Any | None, classes: Sequence[str] | None) -> Description:
    """The description of a loaded model; ExportError when the sample or the class names don't fit it."""
    module = import_module(f"services.inference.describing.{kind_of(framework)}")
    description: Description = module.describe(model, sample, classes)
    return description
