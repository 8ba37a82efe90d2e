"""The signature of a scikit-learn model: columns from the sample or `feature_names_in_`, outputs from its tags."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from registry.errors import ExportError
from services.inference.arrays import assembler
from services.inference.describing import Description
from services.inference.describing.boosted import open_for_missing, spelled_out
from services.inference.describing.columns import describe_column, describe_numbers, plain, rows_of_frame
from services.inference.describing.encoders import closed_categories
from services.inference.describing.probes import close_by_probing
from services.inference.instances import Row
from services.inference.sample import first_line
from services.inference.signature import Field, Layout, Output, Scalar, Signature, Task

_TASKS: dict[str, Task] = {
    "classifier": "classification",
    "regressor": "regression",
    "clusterer": "clustering",
    "outlier_detector": "outlier_detection",
}
_REPLAYED = 100


def describe(model: Any, sample: Any | None, classes: Sequence[str] | None) -> Description:
    """The description of a fitted estimator or Pipeline that has `predict`."""
    if not hasattr(model, "predict") or isinstance(model, type):
        raise ExportError(f"a {type(model).__name__} has no `predict`; export a fitted estimator or Pipeline")
    task, outputs = _task(model), _outputs(model, classes)
    inputs, rows, frame, remarks = _from_sample(model, sample) if sample is not None else _from_model(model)
    inputs = open_for_missing(_close(inputs, model), model)
    layout = _layout(model, inputs, rows)
    inputs, closed = close_by_probing(inputs, rows, lambda fields, some: _answers(model, fields, layout, some))
    remarks += closed
    outputs = _shaped(outputs, task, _output_shape(model, inputs, layout, rows))
    whole = next((row for row in rows if None not in row), rows[0])
    example = dict(zip((field.name for field in inputs), whole, strict=True))
    signature = Signature(inputs=inputs, layout=layout, task=task, outputs=outputs, example=example)
    values = _as_user_would(frame, layout, assembler(signature), rows[:_REPLAYED])
    return Description(signature, rows[:_REPLAYED], values, remarks)


def _as_user_would(frame: Any | None, layout: Layout, assemble: Any, rows: Sequence[tuple[Any, ...]]) -> Any:
    """The sample's first rows as the user's own code holds them; without a sample there is only our way."""
    if frame is None:
        return assemble(rows)
    head = frame.head(_REPLAYED)
    return {"frame": head, "matrix": head.to_numpy(), "series": head.iloc[:, 0].to_list()}[layout]


def _task(model: Any) -> Task:
    from sklearn.utils import get_tags

    try:
        kind = get_tags(model).estimator_type
    except (AttributeError, TypeError):  # predicts, but is no scikit-learn estimator
        kind = None
    if kind in _TASKS:
        return _TASKS[kind]
    return "classification" if hasattr(model, "classes_") else "regression"


def _outputs(model: Any, names: Sequence[str] | None) -> tuple[Output, ...]:
    if _task(model) != "classification":
        if names:
            raise ExportError("`--classes` names the classes of a classifier; this model is none")
        return (Output(),)
    classes = getattr(model, "classes_", None)
    if classes is None:
        raise ExportError(f"the {type(model).__name__} has no `classes_`; is it fitted?")
    groups = list(classes) if isinstance(classes, list) else [classes]
    probabilities = hasattr(model, "predict_proba")
    return tuple(_labels([plain(value) for value in group], names, probabilities) for group in groups)


def _labels(classes: Sequence[Scalar], names: Sequence[str] | None, probabilities: bool) -> Output:
    if names is not None and len(names) != len(classes):
        raise ExportError(
            f"`--classes` gives {len(names)} names, the model has {len(classes)} classes: {list(classes)}"
        )
    if names is not None and len(set(names)) < len(names):
        raise ExportError("`--classes` gives the same name to two classes")
    return Output(classes=tuple(classes), names=tuple(names) if names else None, probabilities=probabilities)


Inputs = tuple[tuple[Field, ...], list[tuple[Any, ...]], Any | None, list[str]]  # fields, rows, frame, remarks


def _from_sample(model: Any, sample: Any) -> Inputs:
    import pandas as pd

    if isinstance(sample, dict):
        raise ExportError("a scikit-learn model takes a table or a two-dimensional array as its sample")
    names = _names(model)
    if not isinstance(sample, pd.DataFrame):
        sample = _table(sample, names)
    columns = [str(name) for name in sample.columns]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ExportError(f"the sample has more than one column named {', '.join(twice[:10])}")
    names = spelled_out(names, columns)
    sample = sample.set_axis(columns, axis=1)
    frame, remarks = _fit_columns(sample, names, getattr(model, "n_features_in_", None))
    frame = _covering_first(frame)
    fields = tuple(describe_column(str(name), frame[name]) for name in frame.columns)
    return fields, rows_of_frame(frame, fields), frame, remarks


def _covering_first(frame: Any) -> Any:
    """The same rows, the first one with a missing value of each column moved to the head: the model is tried on these."""
    first = [int(column.to_numpy().argmax()) for _, column in frame.isna().items() if column.any()]
    late = sorted({position for position in first if position >= _REPLAYED})[: _REPLAYED - 1]
    order = [0, *late, *(position for position in range(1, len(frame)) if position not in set(late))]
    return frame.iloc[order].reset_index(drop=True)


def _names(model: Any) -> list[str] | None:
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _table(values: Any, names: list[str] | None) -> Any:
    import pandas as pd

    if values.ndim == 1:
        values = values.reshape(-1, 1)
    if values.ndim != 2:
        raise ExportError(f"a scikit-learn model takes a two-dimensional sample, not one of shape {values.shape}")
    fits = names is not None and len(names) == values.shape[1]
    columns = names if fits else [f"x{index}" for index in range(values.shape[1])]
    return pd.DataFrame(values, columns=columns).infer_objects()


def _fit_columns(frame: Any, names: list[str] | None, count: int | None) -> tuple[Any, list[str]]:
    if names is None:
        if count is not None and len(frame.columns) != count:
            raise ExportError(f"the sample has {len(frame.columns)} columns, the model was fitted on {count}")
        return frame.copy(), []
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ExportError(f"the sample lacks columns that the model was fitted on: {', '.join(missing[:10])}")
    ignored = [name for name in frame.columns if name not in names]
    remarks = [f"sample columns that are no features were ignored: {', '.join(ignored[:10])}"] if ignored else []
    return frame[names].copy(), remarks


def _from_model(model: Any) -> Inputs:
    names, count = _names(model), getattr(model, "n_features_in_", None)
    if names is None and count is None:
        raise ExportError("the model doesn't say what its columns are; give a few rows with `--sample rows.csv`")
    fields = describe_numbers(names or [f"x{index}" for index in range(int(count or 0))])
    rows = _rows_for(len(fields))
    layout: Layout = "matrix" if names is None else "frame"
    if not _answers(model, fields, layout, rows):
        raise ExportError(
            "the model doesn't take numbers alone (text columns?); give a few rows with `--sample rows.csv`"
        )
    return fields, rows, None, []


def _answers(model: Any, fields: Sequence[Field], layout: Layout, rows: Sequence[Row]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return len(model.predict(_assemble(tuple(fields), layout, rows))) == len(rows)
        except Exception:  # whatever it raises, this is not what it wants
            return False


def _rows_for(width: int) -> list[tuple[Any, ...]]:
    generator = np.random.default_rng(0)
    return [tuple(row) for row in np.vstack([np.zeros(width), np.round(generator.normal(size=(7, width)), 3)]).tolist()]


def _assemble(fields: tuple[Field, ...], layout: Layout, rows: Sequence[Row]) -> Any:
    signature = Signature(inputs=fields, layout=layout, task="regression", outputs=(Output(),), example={})
    return assembler(signature)(rows)


def _close(fields: tuple[Field, ...], model: Any) -> tuple[Field, ...]:
    closed = closed_categories(model, [field.name for field in fields])
    return tuple(
        field.model_copy(update={"categories": _like(field, closed[field.name])}) if field.name in closed else field
        for field in fields
    )


def _like(field: Field, categories: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    """The categories in the column's own type: fitted on 1 and 2, but 1.0 and 2.0 in a sample that misses some."""
    if field.dtype.startswith("float"):
        return tuple(float(value) for value in categories)
    return categories


def _layout(model: Any, fields: tuple[Field, ...], rows: Sequence[tuple[Any, ...]]) -> Layout:
    """The first layout with which the model predicts the sample: tried, not guessed."""
    named = _names(model) is not None
    text = any(field.dtype == "string" for field in fields)
    candidates: list[Layout] = ["frame", "matrix"] if named or text else ["matrix", "frame"]
    if len(fields) == 1 and text:
        candidates.insert(0, "series")
    reason = ""
    for layout in candidates:
        try:
            if len(model.predict(_assemble(fields, layout, rows[:_REPLAYED]))) == len(rows[:_REPLAYED]):
                return layout
        except Exception as error:  # a model may raise anything on a layout that it doesn't take
            reason = reason or first_line(error)
    raise ExportError(f"the model can't predict the sample: {reason or 'not one prediction for each row'}")


def _output_shape(model: Any, fields: tuple[Field, ...], layout: Layout, rows: Sequence[Any]) -> tuple[int, ...]:
    answer = np.asarray(model.predict(_assemble(fields, layout, rows[:2])))
    return () if answer.ndim == 1 or answer.shape[1:] == (1,) else tuple(answer.shape[1:])


def _shaped(outputs: tuple[Output, ...], task: Task, shape: tuple[int, ...]) -> tuple[Output, ...]:
    """The outputs as the model's first answer shows them: a multi-label classifier says 0 or 1 for each label."""
    if task == "regression":
        return (Output(shape=shape),)
    if task == "classification" and len(outputs) == 1 and shape:
        if outputs[0].names:
            raise ExportError("`--classes` can't name the classes of a multi-label classifier: they are 0 and 1")
        return tuple(outputs[0].model_copy(update={"classes": (0, 1)}) for _ in range(shape[0]))
    return outputs
