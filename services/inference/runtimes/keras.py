"""Keras 3 and TensorFlow: `.keras`, `.h5` and SavedModel folders, run through one traced `tf.function`."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ExportError, ModelError
from services.inference.arrays import assembler
from services.inference.instances import Row
from services.inference.predictions import Labels, numbers, together
from services.inference.signature import Output, Signature

Call = Callable[[list[Any]], list[Any]]  # arrays in, arrays out, in the signature's order


def load(path: Path) -> Any:
    """The Keras model, or the serving signature of a SavedModel; Lambda layers and their code are refused."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    try:
        if path.is_dir():
            return _serving_signature(tf.saved_model.load(str(path)), path)
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except ExportError:
        raise
    except Exception as error:  # Keras raises anything from KeyError to its own
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ExportError(
            f"{path.name}: truncated, unsafe, or not a model that Keras can read ({reason[:200]})"
        ) from None


def _serving_signature(loaded: Any, path: Path) -> Any:
    signature = loaded.signatures.get("serving_default")
    if signature is None:
        raise ExportError(f"{path.name}: this SavedModel has no `serving_default` signature")
    signature.owner = loaded  # the function holds its variables weakly
    return signature


def is_serving_signature(model: Any) -> bool:
    """Whether `load` gave a SavedModel's function and not a Keras model."""
    return hasattr(model, "structured_input_signature")


class KerasRuntime:
    """Predicts with one traced function for every batch size; never `Model.predict`, which builds a loop per call."""

    def __init__(self, model: Any, signature: Signature) -> None:
        self._call = _of_signature(model, signature) if is_serving_signature(model) else _of_model(model, signature)
        self._assemble = assembler(signature)
        self._formats = [_format(output) for output in signature.outputs]
        self._names = [output.name for output in signature.outputs]

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """One prediction per row; ModelError when TensorFlow raises or the count is wrong."""
        predictions = self.predict_values(self._assemble(rows))
        if len(predictions) != len(rows):
            raise ModelError(f"The model answered {len(predictions)} predictions for {len(rows)} rows.")
        return predictions

    def predict_values(self, values: list[Any]) -> list[Any]:
        """The same for one array per input."""
        try:
            outputs = self._call(values)
        except Exception as error:
            raise ModelError("The model could not make a prediction from this input.") from error
        formatted = [style(output) for style, output in zip(self._formats, outputs, strict=True)]
        return together(formatted, self._names)


def _of_model(model: Any, signature: Signature) -> Call:
    import keras
    import tensorflow as tf

    specs = [tf.TensorSpec((None, *field.shape), field.dtype) for field in signature.inputs]
    nested = model.input if isinstance(model, keras.Model) and not isinstance(model, keras.Sequential) else None

    @tf.function(input_signature=[specs])  # type: ignore[untyped-decorator]
    def traced(inputs: list[Any]) -> Any:
        packed = inputs[0] if nested is None else keras.tree.pack_sequence_as(nested, inputs)
        return keras.tree.flatten(model(packed, training=False))

    return lambda arrays: [value.numpy() for value in traced(arrays)]


def _of_signature(function: Any, signature: Signature) -> Call:
    import tensorflow as tf

    names = [field.name for field in signature.inputs]

    def call(arrays: list[Any]) -> list[Any]:
        answer = function(**{name: tf.constant(array) for name, array in zip(names, arrays, strict=True)})
        return [answer[output.name or next(iter(answer))].numpy() for output in signature.outputs]

    return call


def _format(output: Output) -> Callable[[Any], list[Any]]:
    if output.classes is None:
        return numbers
    labels, classes = Labels(output), np.array(output.classes)

    def classify(values: Any) -> list[Any]:
        values = values.reshape(len(values), -1)
        if values.shape[1] == 1:  # one sigmoid: the probability of the second class
            values = np.concatenate([1 - values, values], axis=1)
            return labels(classes[(values[:, 1] > 0.5).astype(int)], values)
        return labels(classes[values.argmax(axis=1)], values)

    return classify


def load_runtime(path: Path, signature: Signature) -> KerasRuntime:
    """The model at `path`, ready to predict."""
    return KerasRuntime(load(path), signature)
