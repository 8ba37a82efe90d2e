import json
import math
from typing import Any

import numpy as np
import pytest
from pydantic_core import to_json

from registry.errors import ModelError
from services.inference.predictions import Labels, finite, numbers, together
from services.inference.signature import Output


@pytest.mark.parametrize(
    ("classes", "labels", "keys"),
    [
        (("no", "yes"), np.array(["yes", "no"]), ["no", "yes"]),
        (("no", "yes"), np.array(["yes", "no"], dtype=object), ["no", "yes"]),
        ((0, 1), np.array([1, 0], dtype=np.int32), ["0", "1"]),
        ((False, True), np.array([True, False]), ["false", "true"]),
        ((0.5, 1.5), np.array([1.5, 0.5]), ["0.5", "1.5"]),
    ],
)
def test_labels_keep_their_type(classes: tuple[Any, ...], labels: Any, keys: list[str]) -> None:
    format_labels = Labels(Output(classes=classes, probabilities=True))
    rows = json.loads(to_json(format_labels(labels, np.array([[0.25, 0.75], [1, 0]]))))
    assert [row["label"] for row in rows] == [classes[1], classes[0]]
    assert [type(row["label"]) for row in rows] == [type(classes[1])] * 2
    assert rows[0]["probabilities"] == dict(zip(keys, [0.25, 0.75], strict=True))
    assert format_labels(labels, None) == [{"label": classes[1]}, {"label": classes[0]}]


def test_a_class_keeps_its_type_whatever_type_the_model_answers_with() -> None:
    assert json.dumps(Labels(Output(classes=(0, 1)))(np.array([1.0, 0.0]), None)) == '[{"label": 1}, {"label": 0}]'


def test_given_names_take_the_place_of_classes() -> None:
    format_labels = Labels(Output(classes=(0, 1), names=("ham", "spam"), probabilities=True))
    assert format_labels(np.array([1]), np.array([[0.1, 0.9]])) == [
        {"label": "spam", "probabilities": {"ham": 0.1, "spam": 0.9}}
    ]


EXTREMES = [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1e308, -1.7976931348623157e308, 0.1, 2**53 + 2.0, 1 / 3]


@pytest.mark.parametrize("value", EXTREMES)
def test_a_number_survives_json_to_the_last_bit(value: float) -> None:
    [got] = json.loads(to_json(numbers(np.array([value]))))
    assert (got, math.copysign(1, got)) == (value, math.copysign(1, value))


def test_single_precision_is_widened_not_rounded() -> None:
    values = np.array([0.1, 3.4e38, 1e-45], dtype="float32")
    assert json.loads(to_json(numbers(values))) == [float(value) for value in values]


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_a_column_is_one_number_a_row(shape: tuple[int, ...]) -> None:
    assert numbers(np.arange(3.0).reshape(shape)) == [0.0, 1.0, 2.0]


def test_several_numbers_a_row_are_a_list() -> None:
    assert numbers(np.arange(4).reshape(2, 2)) == [[0, 1], [2, 3]]
    assert numbers(np.zeros((1, 1, 1))) == [[[0.0]]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_the_model_s_fault(value: float) -> None:
    values = np.array([[0.5, value]])
    with pytest.raises(ModelError, match="NaN or an infinite number"):
        finite(values)
    with pytest.raises(ModelError):
        Labels(Output(classes=(0, 1), probabilities=True))(np.array([0]), values)


def test_outputs_come_together_by_name_or_as_a_list() -> None:
    assert together([[1, 2]], [None]) == [1, 2]
    assert together([[1, 2], ["a", "b"]], ["n", "t"]) == [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}]
    assert together([[1, 2], ["a", "b"]], [None, None]) == [[1, "a"], [2, "b"]]
