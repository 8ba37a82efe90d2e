"""The signature of a Keras model or SavedModel: tensors by name, a softmax or one sigmoid means classes."""

from collections.abc import Sequence
from typing import Any

from registry.errors import ExportError
from services.inference.describing import Description
from services.inference.describing.beginnings import keras_scales, saved_model_scales
from services.inference.describing.images import AsImage, of_image, remark
from services.inference.describing.indices import Runs, limit_indices
from services.inference.describing.saved_model import last_activation
from services.inference.describing.tensors import RawOutput, describe_tensors, tensor_field
from services.inference.runtimes.keras import is_serving_signature, trace
from services.inference.signature import Field, Signature


def describe(
    model: Any, sample: Any | None, classes: Sequence[str] | None, image: AsImage | None = None
) -> Description:
    """The description of a loaded Keras model or of a SavedModel's serving signature."""
    inputs, outputs = _of_signature(model) if is_serving_signature(model) else _of_model(model)
    if image is not None:
        scales = saved_model_scales if is_serving_signature(model) else keras_scales
        field = image.field(inputs, lambda: scales(model))
        note = remark(field.pixels or "0..255", image.pixels)
        return of_image(describe_tensors((field,), outputs, sample, classes), note)
    description = describe_tensors(inputs, outputs, sample, classes)
    if any(field.integer_range for field in inputs):
        limited = limit_indices(inputs, description.values, _runs(model, description.signature))
        return describe_tensors(limited, outputs, sample, classes)
    return description


def _runs(model: Any, signature: Signature) -> Runs:
    import tensorflow as tf

    traced = trace(model, signature)

    def runs(arrays: Sequence[Any]) -> bool:
        try:
            traced(*map(tf.constant, arrays))
        except tf.errors.OpError:
            return False
        return True

    return runs


def _of_model(model: Any) -> tuple[tuple[Field, ...], list[RawOutput]]:
    if not getattr(model, "inputs", None):
        raise ExportError("the Keras model was never built, so its input shape is unknown; call it once before saving")
    fields = tuple(tensor_field(tensor.name, tensor.dtype, tensor.shape) for tensor in model.inputs)
    tensors = list(model.outputs)
    names = [str(name) for name in getattr(model, "output_names", [])] if len(tensors) > 1 else [None]
    return fields, [
        (name, tuple(tensor.shape[1:]), _activation(tensor)) for name, tensor in zip(names, tensors, strict=True)
    ]


def _of_signature(function: Any) -> tuple[tuple[Field, ...], list[RawOutput]]:
    specs = function.structured_input_signature[1]
    fields = tuple(tensor_field(name, spec.dtype.name, spec.shape.as_list()) for name, spec in sorted(specs.items()))
    answers = function.structured_outputs
    many = len(answers) > 1
    return fields, [
        (name if many else None, tuple(spec.shape.as_list()[1:]), last_activation(function, name))
        for name, spec in answers.items()
    ]


def _activation(tensor: Any) -> str | None:
    """`softmax` or `sigmoid` when that is the last thing done to this output."""
    layer = tensor._keras_history.operation
    while getattr(layer, "layers", None):  # a nested model: its own last layer
        layer = layer.layers[-1]
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", type(layer).__name__.lower())
    return name if name in ("softmax", "sigmoid") else None
