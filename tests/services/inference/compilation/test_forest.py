"""A threshold in float32 divides the float32 numbers just as the float64 one does."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.inference.compilation.forest import floor32
from services.inference.compilation.rows import neighbours

finite = st.floats(-1e38, 1e38)


@given(finite, st.floats(width=32, allow_nan=False))
def test_a_rounded_threshold_compares_alike_with_every_float32(threshold: float, value: float) -> None:
    assert (value <= threshold) == (value <= floor32(np.array([threshold]))[0])


@given(finite)
def test_neighbours_of_a_split_stand_on_both_sides_of_it_in_either_precision(split: float) -> None:
    near = neighbours(split)
    assert split in near
    assert any(value < split for value in near) and any(value > split for value in near)
    singles = {float(np.float32(value)) for value in near}
    assert min(singles) < split < max(singles)
