"""The signature of a `.onnx` file: its graph's inputs as columns or tensors, its outputs as labels or numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from registry.errors import ExportError
from services.inference.describing import Description
from services.inference.describing.columns import describe_column, rows_of_frame
from services.inference.describing.images import AsImage, of_image
from services.inference.describing.tensors import RawOutput, describe_tensors, tensor_field, tensor_output
from services.inference.graph import activation_of, classes_of
from services.inference.runtimes.onnx import feeder
from services.inference.runtimes.session import open_session
from services.inference.sample import first_line
from services.inference.signature import Field, Layout, Output, Scalar, Signature

_REPLAYED = 100
_GENERATED = 8
_SUM = 1e-3  # how far a row of probabilities may be from 1
_TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16", "tensor(int8)": "int8",
    "tensor(uint8)": "uint8", "tensor(string)": "string",
}  # fmt: skip


def describe(
    model: Any, sample: Any | None, classes: Sequence[str] | None, image: AsImage | None = None
) -> Description:
    """The description of an `onnx.ModelProto`; ExportError when its graph has no shape that an endpoint could serve."""
    session = open_session(model.SerializeToString())
    inputs = tuple(_field(put) for put in session.get_inputs())
    if not inputs:
        raise ExportError("the graph has no inputs")
    if image is not None:
        taken = (image.field(inputs, lambda: True).model_copy(update={"pixels": "0..255"}),)  # the graph does the rest
        return of_image(describe_tensors(taken, _raw(model.graph, session), sample, classes))
    labels = _labels(model.graph, session)
    is_table = hasattr(sample, "columns") or labels is not None
    if all(field.shape == (1,) for field in inputs) or (is_table and _is_matrix(inputs)):
        return _of_columns(model.graph, session, inputs, labels, sample, classes)
    if labels is not None:
        raise ExportError("the graph answers class labels for tensors: only models of columns may do so")
    return describe_tensors(inputs, _raw(model.graph, session), sample, classes)


def _field(put: Any) -> Field:
    if put.type not in _TYPES:
        raise ExportError(f"input `{put.name}` is a {put.type}, which JSON can't carry; inputs must be tensors")
    shape = [size if isinstance(size, int) and size > 0 else None for size in put.shape]
    if not shape or shape[0] is not None:
        size = shape[0] if shape else "no"
        raise ExportError(
            f"input `{put.name}` takes {size} rows, always: export the model again with a dynamic first dimension"
        )
    return tensor_field(put.name, _TYPES[put.type], shape)


def _is_matrix(inputs: tuple[Field, ...]) -> bool:
    return len(inputs) == 1 and len(inputs[0].shape) == 1 and inputs[0].shape[0] is not None


def _labels(graph: Any, session: Any) -> tuple[Scalar, ...] | None:
    """The classes, when the first output is a label; empty when it may be one but the graph doesn't name them."""
    first = session.get_outputs()[0]
    if first.type not in ("tensor(int64)", "tensor(string)") or len(first.shape) > 2:
        return None
    found = classes_of(graph)
    if found is None and first.type == "tensor(string)":
        raise ExportError(f"output `{first.name}` is text, and the graph doesn't say which classes there are")
    return found


def _raw(graph: Any, session: Any) -> list[RawOutput]:
    outputs = session.get_outputs()
    for output in outputs:
        if _TYPES.get(output.type, "string") in ("string", "bool"):
            raise ExportError(f"output `{output.name}` is a {output.type}: neither labels of known classes nor numbers")
    return [
        (
            output.name if len(outputs) > 1 else None,
            tuple(size if isinstance(size, int) else None for size in output.shape[1:]),
            activation_of(graph, output.name),
        )
        for output in outputs
    ]


def _of_columns(
    graph: Any,
    session: Any,
    inputs: tuple[Field, ...],
    labels: tuple[Scalar, ...] | None,
    sample: Any | None,
    classes: Sequence[str] | None,
) -> Description:
    """A model of scalars: one input of one value for each column, or one input that holds them all."""
    matrix = _is_matrix(inputs) and inputs[0].shape != (1,)
    layout: Layout = "matrix" if matrix else "frame"
    fields = (
        _columns(inputs[0], sample) if matrix else tuple(field.model_copy(update={"shape": ()}) for field in inputs)
    )
    if sample is None:
        rows = _generated(fields)
        values: Any = np.array(rows, object)
    else:
        frame = _table(fields, sample).head(_REPLAYED)
        fields = tuple(_seen(field, frame) for field in fields)
        rows, values = rows_of_frame(frame, fields), frame[[field.name for field in fields]]
    example = dict(zip((field.name for field in fields), rows[0], strict=True))
    bare = Signature(inputs=fields, layout=layout, task="regression", outputs=(), example=example)
    if labels is None:
        outputs = tuple(tensor_output(*raw, classes) for raw in _raw(graph, session))
    else:
        outputs = (_classifier(session, feeder(session.get_inputs(), bare)(rows), labels, classes),)
    task = "classification" if any(output.classes for output in outputs) else "regression"
    if classes and task == "regression":
        raise ExportError("`--classes` names the classes of a classifier; this model is none")
    return Description(bare.model_copy(update={"task": task, "outputs": outputs}), rows, values)


def _columns(matrix: Field, sample: Any | None) -> tuple[Field, ...]:
    """The columns of the one input that holds them all, named by the sample where it has names."""
    width = int(matrix.shape[0] or 0)
    named = getattr(sample, "columns", None)
    names = [f"x{index}" for index in range(width)] if named is None else [str(name) for name in named]
    if len(names) != width or len(set(names)) < width:
        raise ExportError(f"the sample has {len(set(names))} columns, the graph's input `{matrix.name}` takes {width}")
    return tuple(Field(name=name, dtype=matrix.dtype) for name in names)


def _table(fields: tuple[Field, ...], sample: Any) -> Any:
    """The sample as a frame of these columns, in their order."""
    import pandas as pd

    if isinstance(sample, dict):
        sample = pd.DataFrame({name: np.asarray(values).ravel() for name, values in sample.items()})
    elif not isinstance(sample, pd.DataFrame):
        values = np.asarray(sample).reshape(len(sample), -1)
        if values.shape[1] != len(fields):
            raise ExportError(f"the sample has {values.shape[1]} columns, the graph takes {len(fields)}")
        sample = pd.DataFrame(values, columns=[field.name for field in fields]).infer_objects()
    missing = [field.name for field in fields if field.name not in sample.columns]
    if missing:
        raise ExportError(f"the sample lacks inputs of the graph: {', '.join(missing[:10])}")
    return sample[[field.name for field in fields]]


def _seen(field: Field, frame: Any) -> Field:
    """The field with what the sample shows of it; its type is the graph's."""
    found = describe_column(field.name, frame[field.name])
    if (found.dtype == "string") != (field.dtype == "string"):
        raise ExportError(f"sample column `{field.name}` is {found.dtype}, the graph's input is {field.dtype}")
    if found.nullable and not field.dtype.startswith("float"):
        raise ExportError(f"sample column `{field.name}` has missing values, which a {field.dtype} input can't take")
    return found.model_copy(update={"dtype": field.dtype})


def _generated(fields: tuple[Field, ...]) -> list[tuple[Any, ...]]:
    """Rows for the replay when there is no sample: numbers around zero, and an empty text."""
    generator = np.random.default_rng(0)
    drawn: list[Any] = []
    for field in fields:
        numbers = np.round(generator.normal(size=_GENERATED), 3)
        if field.dtype == "string":
            drawn.append([""] * _GENERATED)
        elif field.dtype.startswith("float"):
            drawn.append(numbers.tolist())
        else:
            drawn.append((np.abs(numbers) > 1).astype(field.dtype).tolist())
    return list(zip(*drawn, strict=True))


def _classifier(session: Any, feeds: Any, classes: tuple[Scalar, ...], names: Sequence[str] | None) -> Output:
    """The output of a classifier: its second output holds probabilities if there is one for each class, and they add up."""
    if names is not None and len(names) != len(classes):
        raise ExportError(
            f"`--classes` gives {len(names)} names, the model has {len(classes)} classes: {list(classes)}"
        )
    outputs = [output.name for output in session.get_outputs()]
    try:
        answer = session.run(outputs[:2], feeds)
    except Exception as error:  # ONNX Runtime raises an exception type for each of its status codes
        raise ExportError(f"the graph can't predict the sample: {first_line(error)}") from None
    unknown = set(answer[0].ravel().tolist()) - set(classes)
    if unknown:
        raise ExportError(f"the graph answers {sorted(unknown)[0]!r}, which is none of its classes {list(classes)}")
    likely = answer[1] if len(answer) > 1 else None
    probabilities = (
        likely is not None
        and likely.shape == (len(answer[0]), len(classes))
        and bool((likely >= 0).all() and (np.abs(likely.sum(axis=1) - 1) < _SUM).all())
    )
    return Output(classes=classes, names=tuple(names) if names else None, probabilities=probabilities)
