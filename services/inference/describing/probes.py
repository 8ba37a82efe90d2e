"""Asks the model itself what it fails on, one prediction a question, so that a caller gets a 400 where it would be a 500."""

from collections.abc import Callable, Sequence

from services.inference.instances import Row
from services.inference.signature import Field, Scalar

Answers = Callable[[Sequence[Field], Sequence[Row]], bool]  # whether the model predicts these rows

_UNKNOWN = "modelport: a value that no sample holds"
_FEW = 20  # so many values may be the categories of any sample, however small
_SINGLE = 3.4028234663852886e38  # trees compute in float32, whatever they are given


def close_by_probing(
    fields: Sequence[Field], rows: Sequence[Row], answers: Answers
) -> tuple[tuple[Field, ...], list[str]]:
    """The fields with the limits that the model turned out to have, and a remark for each text column that was closed."""
    closed, remarks = list(fields), []
    for index, field in enumerate(fields):
        if field.dtype != "string" or field.categories is not None:
            continue
        values = tuple(sorted({row[index] for row in rows if row[index] is not None}))
        if _categorical(values, len(rows)) and not answers(fields, [_with(rows[0], index, _UNKNOWN)]):
            closed[index] = field.model_copy(update={"categories": values})
            remarks.append(
                f"the model fails on an unknown `{field.name}`: only the sample's {len(values)} values are accepted"
            )
    return _limit(closed, rows, answers), remarks


def _categorical(values: tuple[Scalar, ...], count: int) -> bool:
    return 0 < len(values) <= max(_FEW, count // 2)


def _limit(fields: Sequence[Field], rows: Sequence[Row], answers: Answers) -> tuple[Field, ...]:
    """Limits float columns to float32's range when the model fails beyond it, and only then."""
    open_ended = [index for index, field in enumerate(fields) if field.dtype == "float64" and field.categories is None]
    huge = rows[0]
    for index in open_ended:
        huge = _with(huge, index, 10 * _SINGLE)
    if not open_ended or answers(fields, [huge]):
        return tuple(fields)
    return tuple(
        field.model_copy(update={"largest": _SINGLE}) if index in open_ended else field
        for index, field in enumerate(fields)
    )


def _with(row: Row, index: int, value: Scalar) -> Row:
    return (*row[:index], value, *row[index + 1 :])
