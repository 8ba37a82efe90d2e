"""Compiles a trained model to an ONNX graph, one file a framework; nothing compiled is served without a proof."""

from importlib import import_module
from typing import Any, Literal

from services.inference.runtimes import kind_of
from services.inference.signature import Signature

Precision = Literal["float32", "float64"]


class NotCompiled(Exception):
    """Why a model stays with its own framework, in one line."""


class OtherPrecision(NotCompiled):
    """The network computes in the other precision, and is compiled to that alone."""


def convert(framework: str, model: Any, signature: Signature, precision: Precision) -> bytes:
    """The ONNX graph of a loaded model, as the bytes of a `.onnx` file; NotCompiled where there is no such graph.

    Inputs are either one matrix `X` (rows, columns), one input (rows, 1) for each column and of its name, or for a
    layout of tensors one for each input of the signature. Outputs are `label` with `probabilities` (numbered where there
    are several), `prediction`, or a tensor model's own in their order.
    """
    try:
        module = import_module(f"services.inference.compilation.{kind_of(framework)}")
    except ModuleNotFoundError as error:
        raise NotCompiled(f"there is no converter for {framework} models here ({error.name} is missing)") from None
    graph: bytes = module.convert(model, signature, precision)
    return graph
