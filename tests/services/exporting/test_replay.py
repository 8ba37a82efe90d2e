"""Nothing is exported whose served answers differ from the original model's."""

from typing import Any

import pytest

from registry.errors import ExportError
from services.packaging.replay import compare, same


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (0.1 + 0.2, 0.3),
        ([1.0, 2], [1.0, 2]),
        ({"label": "a", "probabilities": {"a": 0.7}}, {"label": "a", "probabilities": {"a": 0.7000001}}),
        (1, 1.0),
    ],
)
def test_the_same_but_for_the_last_bits(got: Any, wanted: Any) -> None:
    assert same(got, wanted)


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (0.1, 0.2),
        ("1", 1),
        (True, 1),
        ([1.0], [1.0, 2.0]),
        ({"label": "a"}, {"label": "b"}),
        ({"label": "a"}, {"label": "a", "probabilities": {"a": 1.0}}),
        (None, 0.0),
    ],
)
def test_not_the_same(got: Any, wanted: Any) -> None:
    assert not same(got, wanted)


def test_the_first_row_that_differs_is_named() -> None:
    compare([1, 2], [1, 2])
    with pytest.raises(ExportError, match="answers row 1 of the sample differently"):
        compare([1, 2], [1, 3])
    with pytest.raises(ExportError, match="answers 1 predictions for 2 rows"):
        compare([1], [1, 2])


def test_a_compiled_model_is_held_to_what_its_proof_allows() -> None:
    compare([1.00001], [1.0], 1e-4, 1e-4)
    compare([1e-5], [0.0], 1e-5, 1e-4)  # numbers that usually are about 10: nothing is left of them but the last digits
    with pytest.raises(ExportError, match="row 0"):
        compare([1e-5], [0.0])
