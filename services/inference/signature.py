"""The signature of a model: what a row holds and what a prediction looks like. Data; everything else follows from it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Dtype = Literal["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool", "string"]
Layout = Literal["frame", "matrix", "series", "tensors"]
Task = Literal["classification", "regression", "clustering", "outlier_detection"]
Pixels = Literal["0..255", "0..1", "-1..1"]  # what a model takes an image's bytes 0 to 255 as
Scalar = str | int | float | bool

_FLOATS = {"float32": 3.4028234663852886e38, "float16": 65504.0}  # a number beyond becomes infinite
_INTEGERS = {"int64": (64, True), "int32": (32, True), "int16": (16, True), "int8": (8, True), "uint8": (8, False)}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Field(_Frozen):
    """One input: a column of scalars (`shape == ()`) or a tensor per row (`None` is a free dimension)."""

    name: str
    dtype: Dtype
    shape: tuple[int | None, ...] = ()
    nullable: bool = False
    categories: tuple[Scalar, ...] | None = None  # closed: any other value is refused
    seen: tuple[Scalar, ...] | None = None  # documentation only: values met in the sample
    minimum: float | None = None  # documentation only: a value outside is not refused
    maximum: float | None = None
    largest: float | None = None  # closed: the model fails on a number beyond plus or minus this one
    pixels: Pixels | None = None  # of an image, whose bytes (height, width, channels) the served model takes as such

    @property
    def integer_range(self) -> tuple[int, int] | None:
        """The inclusive bounds of an integer input, or None for the other dtypes."""
        if self.dtype not in _INTEGERS:
            return None
        bits, signed = _INTEGERS[self.dtype]
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        return (low, high) if self.largest is None else (max(low, -int(self.largest)), min(high, int(self.largest)))

    @property
    def float_limit(self) -> float | None:
        """The largest magnitude that a float may have, or None when any finite number will do."""
        return self.largest or _FLOATS.get(self.dtype)


class Output(_Frozen):
    """One output: labels out of `classes`, or numbers of `shape` per row."""

    name: str | None = None
    classes: tuple[Scalar, ...] | None = None  # as the model answers them
    names: tuple[Scalar, ...] | None = None  # what to call them instead (`--classes`)
    probabilities: bool = False
    shape: tuple[int | None, ...] = ()

    @property
    def labels(self) -> tuple[Scalar, ...] | None:
        """The labels that a caller sees, in the order of the model's classes."""
        return self.names or self.classes


class Signature(_Frozen):
    """Inputs in the model's order, the layout it wants them in, its task and its outputs."""

    inputs: tuple[Field, ...]
    layout: Layout
    task: Task
    outputs: tuple[Output, ...]
    example: dict[str, Any]  # one row, JSON-ready

    @property
    def image(self) -> Field | None:
        """The input that is an image and may be sent as a file; None for all other models."""
        return next((field for field in self.inputs if field.pixels is not None), None)

    @property
    def numeric(self) -> bool:
        """Whether a row is a list of numbers: such a row may be sent as `{"features": [...]}`."""
        vector = len(self.inputs) == 1 and len(self.inputs[0].shape) == 1
        return all((vector or field.shape == ()) and field.dtype not in ("string", "bool") for field in self.inputs)
