"""A contender is only timed when its answers are the model's own."""

from pathlib import Path

import pytest

from benchmarks.rounds import Record, check
from tests.benchmarks.rounds import ABOUT, one_round


@pytest.mark.parametrize(
    ("answers", "right"),
    [
        (["0", "2"], [0, 2]),
        ([{"label": "stays", "probabilities": [0.1, 0.9]}], ["stays"]),
        ([[0.500001], [1]], [0.5, 1.0]),
    ],
)
def test_the_same_answers_in_another_dress_pass(answers: list[object], right: list[object]) -> None:
    check(answers, right)


@pytest.mark.parametrize(
    ("answers", "right"), [([0, 1], [0, 2]), ([0], [0, 2]), (["leaves"], ["stays"]), ([0.51], [0.5]), ([], [1.0])]
)
def test_other_answers_are_refused_with_both(answers: list[object], right: list[object]) -> None:
    with pytest.raises(ValueError, match="the model says"):
        check(answers, right)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    Record(tmp_path / "tree.json", ABOUT).add("litserve", 0, one_round(500))
    again = Record(tmp_path / "tree.json", ABOUT)
    assert again.has("litserve", 0)
    assert not again.has("litserve", 1)
    assert not again.has("ray", 0)


def test_a_run_of_other_settings_begins_anew(tmp_path: Path) -> None:
    Record(tmp_path / "tree.json", ABOUT).add("litserve", 0, one_round(500))
    assert not Record(tmp_path / "tree.json", {**ABOUT, "seconds": 3}).begun


def test_a_contender_that_can_not_be_measured_is_not_tried_again(tmp_path: Path) -> None:
    record = Record(tmp_path / "tree.json", ABOUT)
    record.add("ray", 0, {"error": "no wheel"})
    assert record.has("ray", 1)
