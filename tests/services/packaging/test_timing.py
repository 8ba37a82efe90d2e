"""Runtimes are timed in seconds, not minutes, and the fastest serves."""

from collections.abc import Sequence
from time import sleep
from typing import Any

import pytest

from services.inference.instances import Row
from services.packaging.timing import fastest, time_calls


class Sleeper:
    """A model that takes as long as it is told, and notes what it is asked."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asked = seconds, list[int]()

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        self.asked.append(len(rows))
        sleep(self.seconds)
        return self.predict_values(rows)

    def predict_values(self, values: Any) -> list[Any]:
        return [0.0 for _ in values]


def test_each_size_is_timed_after_a_call_that_does_not_count() -> None:
    model = Sleeper(0.1)
    timings = time_calls(model, [(1.0,), (2.0,), (3.0,)])
    assert model.asked == [1, 1, 1, 8, 8, 8, 64, 64, 64]
    assert set(timings) == {"1", "8", "64"}
    assert all(0.1 <= seconds < 1 for seconds in timings.values())


def test_a_slow_model_is_not_asked_for_more_rows() -> None:
    model = Sleeper(1.01)
    assert set(time_calls(model, [(1.0,)])) == {"1"}
    assert model.asked == [1, 1]


@pytest.mark.parametrize(
    ("sklearn", "onnx", "chosen"),
    [
        ({"1": 3.0, "8": 3.0, "64": 3.0}, {"1": 1.0, "8": 1.0, "64": 1.0}, "onnx"),
        ({"1": 1.0, "8": 1.0, "64": 1.0}, {"1": 3.0, "8": 3.0, "64": 3.0}, "sklearn"),
        ({"1": 3.0, "8": 3.0, "64": 3.0}, {"1": 1.0, "8": 3.0, "64": 5.9}, "onnx"),  # slower for many, but not by half
        ({"1": 3.0, "8": 3.0, "64": 3.0}, {"1": 1.0, "8": 3.0, "64": 6.1}, "sklearn"),
        ({"1": 3.0}, {"1": 1.0, "8": 9.0, "64": 99.0}, "onnx"),  # what only one was timed with says nothing
    ],
)
def test_one_row_decides_unless_many_cost_twice_as_much(
    sklearn: dict[str, float], onnx: dict[str, float], chosen: str
) -> None:
    assert fastest({"sklearn": sklearn, "onnx": onnx}) == chosen
