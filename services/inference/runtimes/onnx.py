"""ONNX Runtime: compiled models, and `.onnx` files themselves. Imports NumPy and ONNX Runtime, no framework, no pandas."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ExportError, ModelError, PlatformError
from services.inference.arrays import assembler
from services.inference.instances import Row
from services.inference.predictions import Labels, numbers, scores, together
from services.inference.runtimes.session import open_session
from services.inference.signature import Signature

Feeds = Mapping[str, Any]
Feed = Callable[[Sequence[Row]], Feeds]
Style = Callable[[Sequence[Any]], list[Any]]  # the graph's outputs to predictions

MISSING = "\ufdd0"  # text that isn't there, for an ONNX string can't be null: a code point that no text may have

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


class OnnxRuntime:
    """Predicts with one ONNX graph, whose inputs and outputs `compilation.convert` describes."""

    def __init__(self, session: Any, signature: Signature) -> None:
        # Without the Python around it, which asks for every input's name again: a third of a small graph's call.
        self._run = getattr(session, "_sess", session).run
        self._feed = feeder(session.get_inputs(), signature)
        self._outputs, self._style = style(signature, [output.name for output in session.get_outputs()])
        self._arrays = [(put.name, dtype_of(put)) for put in session.get_inputs()]
        self._layout = signature.layout

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """One prediction per row; ModelError when ONNX Runtime raises or the count is wrong."""
        predictions = self._predict(self._feed, rows)
        if len(predictions) != len(rows):
            raise ModelError(f"The model answered {len(predictions)} predictions for {len(rows)} rows.")
        return predictions

    def predict_values(self, values: Any) -> list[Any]:
        """The same for a frame, a matrix, a list of text, or one array per input."""
        if self._layout != "tensors":
            return self.predict(rows_of(values))
        return self._predict(self._as_they_are, values)

    def _as_they_are(self, arrays: Sequence[Any]) -> Feeds:
        return {name: np.asarray(array, dtype) for (name, dtype), array in zip(self._arrays, arrays, strict=True)}

    def _predict(self, feed: Callable[[Any], Feeds], values: Any) -> list[Any]:
        try:
            return self._style(self._run(self._outputs, feed(values), None))
        except PlatformError:
            raise
        except Exception as error:  # ONNX Runtime's own, a label that is no class, a row that no array can hold
            raise ModelError("The model could not make a prediction from this input.") from error


def feeder(inputs: Sequence[Any], signature: Signature) -> Feed:
    """The function that lays rows out as the graph's inputs, without a frame between; ExportError where they don't fit."""
    dtypes = {put.name: dtype_of(put) for put in inputs}
    if signature.layout == "tensors":
        return _tensors(dtypes, assembler(signature))
    name, dtype = next(iter(dtypes.items()))
    if len(dtypes) == 1 and dtype != "object":
        return lambda rows: {name: np.array(rows, dtype)}
    positions = {field.name: index for index, field in enumerate(signature.inputs)}
    unknown = [name for name in dtypes if name not in positions]
    if unknown:
        raise ExportError(f"the graph has inputs that are no columns of the model: {', '.join(unknown[:10])}")
    return _columns([(positions[name], name, dtype) for name, dtype in dtypes.items()])


def dtype_of(put: Any) -> str:
    """The NumPy dtype of a graph's input; ExportError for what is no tensor of numbers or text."""
    if put.type not in _DTYPES:
        raise ExportError(f"the graph's input {put.name} is a {put.type}, which JSON can't carry")
    return _DTYPES[put.type]


def _tensors(dtypes: Mapping[str, str], assemble: Callable[[Sequence[Row]], Any]) -> Feed:
    pairs = list(dtypes.items())

    def feed(rows: Sequence[Row]) -> Feeds:
        arrays = zip(pairs, assemble(rows), strict=True)
        return {name: array.astype(dtype, copy=False) for (name, dtype), array in arrays}

    return feed


def _columns(inputs: Sequence[tuple[int, str, str]]) -> Feed:
    def feed(rows: Sequence[Row]) -> Feeds:
        columns = list(zip(*rows, strict=True))
        return {name: _column(columns[position], dtype) for position, name, dtype in inputs}

    return feed


def _column(values: Sequence[Any], dtype: str) -> Any:
    if dtype == "object":
        values = [MISSING if value is None else value for value in values]
    return np.array(values, dtype).reshape(-1, 1)


def style(signature: Signature, names: list[str]) -> tuple[list[str], Style]:
    """Which outputs to ask the graph for, and how they become predictions."""
    if signature.layout != "tensors" and signature.task in ("clustering", "outlier_detection"):
        return names[:1], lambda outputs: [{"label": value} for value in numbers(outputs[0])]
    scores_alone = len(names) == 1 and signature.outputs[0].probabilities
    if signature.layout == "tensors" or signature.task == "regression" or scores_alone:
        return names, _raw(signature)
    return _labelled(signature, names)


def _raw(signature: Signature) -> Style:
    styles = [scores(output) for output in signature.outputs]
    names = [output.name for output in signature.outputs]

    def read(outputs: Sequence[Any]) -> list[Any]:
        return together([read(values) for read, values in zip(styles, outputs, strict=True)], names)

    return read


def _labelled(signature: Signature, present: list[str]) -> tuple[list[str], Style]:
    """Labels with probabilities: `label` and `probabilities`, or `label_0`, `probabilities_0`, … of several outputs."""
    labels = [Labels(output) for output in signature.outputs]
    chances = [output.probabilities for output in signature.outputs]
    suffixes = [""] if len(labels) == 1 else [f"_{index}" for index in range(len(labels))]
    names = [
        name + suffix
        for suffix, chance in zip(suffixes, chances, strict=True)
        for name in (("label", "probabilities") if chance else ("label",))
    ]
    if len(labels) == 1:
        names = present[: len(names)]  # a graph from elsewhere has names of its own
    if len(labels) == 1 and chances[0]:
        return names, lambda outputs: labels[0](outputs[0].ravel(), outputs[1])

    def read(outputs: Sequence[Any]) -> list[Any]:
        arrays = iter(outputs)
        columns = [
            label(next(arrays).ravel(), next(arrays) if chance else None)
            for label, chance in zip(labels, chances, strict=True)
        ]
        return together(columns, [None] * len(columns))

    return names, read


def rows_of(values: Any) -> list[Row]:
    """The rows of a frame, a matrix or a list of text, as JSON would carry them: None for what is missing."""
    framed = hasattr(values, "columns")
    rows: Any = np.array(values.astype("object") if framed else values, dtype="object").reshape(len(values), -1)
    rows[values.isna().to_numpy() if framed else rows != rows] = None  # NaN alone differs from itself
    listed: list[Row] = rows.tolist()
    return listed


def load_runtime(path: Path, signature: Signature) -> OnnxRuntime:
    """The graph at `path`, ready to predict."""
    return OnnxRuntime(open_session(path), signature)
