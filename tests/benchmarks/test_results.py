"""Medians, spread and ratios of what the rounds found."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.promises import PROMISES, outcomes
from benchmarks.results import Figure
from tests.benchmarks.rounds import ABOUT, one_round, rates, results


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=9))
def test_a_figure_is_the_median_between_the_least_and_the_most(values: list[float]) -> None:
    figure = Figure.of(values)
    assert figure.low <= figure.median == statistics.median(values) <= figure.high


def test_one_slow_round_moves_neither_the_median_nor_the_ratio() -> None:
    found = results(modelport=rates(4000, 10, 4200), litserve=rates(500, 505, 495))
    assert found.load("modelport", "1x16", "rate") == Figure(4000, 10, 4200)
    assert found.ratio("modelport", "litserve", "1x16") == 8


def test_a_contender_that_failed_in_any_round_has_no_figures_but_a_reason() -> None:
    found = results(modelport=rates(1), ray=[one_round(1), {"error": "ValueError: answered [2], the model says [0]"}])
    assert found.measured == ["modelport"]
    assert found.failures == {"ray": "ValueError: answered [2], the model says [0]"}
    with pytest.raises(KeyError):
        found.load("ray", "1x16", "rate")


def test_peers_are_all_but_our_own() -> None:
    assert results(modelport=rates(1), floor=rates(1), litserve=rates(1)).peers == ["litserve"]


def test_what_was_not_measured_is_no_broken_promise() -> None:
    assert [value for _, value in outcomes({})] == [None] * len(PROMISES)


def test_the_best_peer_is_what_a_promise_compares_with() -> None:
    tree = results(ABOUT, modelport=rates(4000), floor=rates(5000), litserve=rates(500), mlserver=rates(800))
    figures = {promise.what: (value, promise) for promise, value in outcomes({"tree": tree})}
    value, promise = figures["Decision tree, 32 rows: requests/s over the best peer"]
    assert value == 5
    assert promise.kept(5)
    assert not promise.kept(0.99)
    value, promise = figures["Decision tree, 1 row: requests/s over the floor"]
    assert value == 0.8


def test_a_bound_from_above_is_kept_below_it() -> None:
    cost = next(promise for promise in PROMISES if promise.unit == " µs a request")
    assert cost.kept(39.9)
    assert not cost.kept(40.1)
