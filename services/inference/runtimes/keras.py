"""Keras 3 and TensorFlow: `.keras`, `.h5` and SavedModel folders, run through one traced graph."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from registry.errors import ExportError, ModelError, PlatformError
from services.inference.arrays import assembler
from services.inference.instances import Row
from services.inference.predictions import scores, together
from services.inference.sample import first_line
from services.inference.signature import Signature

Answer = Callable[[Sequence[Any]], list[Any]]  # the tensors of the inputs to those of the outputs


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
        told = str(error).strip().replace(str(path), path.name)  # before it is cut
        reason = told.splitlines()[0] if told else type(error).__name__
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
    """Predicts with one traced graph for every batch size; never `Model.predict`, which builds a loop per call."""

    def __init__(self, model: Any, signature: Signature) -> None:
        import tensorflow as tf

        self._tensor = tf.constant
        self._model = model  # the graph holds its variables weakly
        self._traced = trace(model, signature)
        self._assemble = assembler(signature)
        self._formats = [scores(output) for output in signature.outputs]
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
            outputs = self._traced(*map(self._tensor, values))
            formatted = [style(output.numpy()) for style, output in zip(self._formats, outputs, strict=True)]
            return together(formatted, self._names)
        except PlatformError:
            raise
        except Exception as error:  # TensorFlow's own; or an output of text, which no format takes
            raise ModelError("The model could not make a prediction from this input.") from error


def trace(model: Any, signature: Signature) -> Any:
    """The model as one graph for every batch size: a tensor per input in, a list of outputs out, in the signature's order.

    A concrete function, so that no call can trace again. ExportError when the model can't be traced.
    """
    import tensorflow as tf

    answer = _signature_outputs(model, signature) if is_serving_signature(model) else _model_outputs(model)
    if signature.image is not None:
        answer = _of_bytes(answer, str(signature.image.pixels), _input_dtype(model))
    specs = [tf.TensorSpec((None, *field.shape), field.dtype) for field in signature.inputs]
    try:
        return tf.function(lambda *tensors: answer(tensors), input_signature=specs).get_concrete_function()
    except Exception as error:  # whatever the layers raise
        said = [
            line.strip() for line in str(error).splitlines() if "Error: " in line
        ]  # below TensorFlow's own traceback
        raise ExportError(f"TensorFlow can't trace this model: {(said or [first_line(error)])[-1][:300]}") from error


def _model_outputs(model: Any) -> Answer:
    import keras

    nested = model.input if isinstance(model, keras.Model) and not isinstance(model, keras.Sequential) else None

    def answer(tensors: Sequence[Any]) -> list[Any]:
        packed = tensors[0] if nested is None else keras.tree.pack_sequence_as(nested, tensors)
        outputs: list[Any] = keras.tree.flatten(model(packed, training=False))
        return outputs

    return answer


def _signature_outputs(function: Any, signature: Signature) -> Answer:
    names = [field.name for field in signature.inputs]

    def answer(tensors: Sequence[Any]) -> list[Any]:
        outputs = function(**dict(zip(names, tensors, strict=True)))
        return [outputs[output.name or next(iter(outputs))] for output in signature.outputs]

    return answer


def _input_dtype(model: Any) -> str:
    """The type of the one tensor that a model of images takes."""
    if is_serving_signature(model):
        return str(next(iter(model.structured_input_signature[1].values())).dtype.name)
    return str(model.inputs[0].dtype)


def _of_bytes(answer: Answer, pixels: str, dtype: str) -> Answer:
    """The same for an image's bytes, scaled to what the model takes."""
    import tensorflow as tf

    def scaled(tensors: Sequence[Any]) -> list[Any]:
        numbers = tf.cast(tensors[0], dtype)
        if pixels == "0..1":
            numbers = numbers / 255
        elif pixels == "-1..1":
            numbers = numbers / 127.5 - 1
        return answer([numbers])

    return scaled


def load_runtime(path: Path, signature: Signature) -> KerasRuntime:
    """The model at `path`, ready to predict."""
    return KerasRuntime(load(path), signature)
