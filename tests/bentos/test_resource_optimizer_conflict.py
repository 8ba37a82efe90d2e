"""Where there is no plan, the answer names constraints that really exclude each other, and not one too many."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from scipy.optimize import Bounds, LinearConstraint, milp

from bentos.resource_optimizer.conflict import Conflict, Constraint, find_conflict
from bentos.resource_optimizer.problem import Problem, TrafficClass
from tests.bentos.test_resource_optimizer_plan import VOIP, WEB, problems


def solvable(problem: Problem, constraints: set[Constraint]) -> bool:
    """Whether the solver finds a plan that keeps these constraints: without a word of ours about guarantees."""
    classes, count = problem.by_priority, len(problem.classes)

    def kept(kind: str, of: TrafficClass) -> bool:
        return any(constraint.kind == kind and constraint.name == of.name for constraint in constraints)

    low = [c.guarantee / c.instance_capacity if kept("guarantee", c) else 0 for c in classes]
    most = [c.max_instances if kept("max_instances", c) else np.inf for c in classes]
    rows = [LinearConstraint(np.hstack([np.eye(count), -np.eye(count)]), -np.inf, 0)]
    if Constraint("link_capacity") in constraints:
        shares = [c.instance_capacity / problem.capacity for c in classes]
        rows.append(LinearConstraint([*shares, *[0] * count], -np.inf, 1))
    if Constraint("budget") in constraints:
        rows.append(LinearConstraint([*[0] * count, *(c.instance_cost for c in classes)], -np.inf, problem.budget))
    bounds = Bounds([*low, *[0] * count], [*[np.inf] * count, *most])
    found = milp(np.zeros(2 * count), integrality=[*[0] * count, *[1] * count], bounds=bounds, constraints=rows)
    return bool(found.success)


@given(problems(largest=20))
def test_the_named_constraints_exclude_each_other_and_no_part_of_them_does(problem: Problem) -> None:
    found = find_conflict(problem)
    assume(found is not None)
    assert found is not None
    named = set(found.constraints)
    assert not solvable(problem, named)
    for constraint in named:
        assert solvable(problem, named - {constraint})


def conflict_of(capacity: int, *classes: TrafficClass, budget: int | None = None) -> Conflict:
    found = find_conflict(Problem(capacity, classes, budget))
    assert found is not None
    return found


GAMING = replace(VOIP, name="gaming", priority=3, guarantee=50)


def test_guarantees_that_are_too_much_together_are_named_with_their_sum() -> None:
    found = conflict_of(95, VOIP, WEB, GAMING)
    assert found.sentence == (
        "The guarantees of voip (20 bit/s), web (30 bit/s) and gaming (50 bit/s) sum to 100 bit/s, the link has 95 bit/s."
    )


def test_of_many_guarantees_only_those_are_named_that_exclude_each_other() -> None:
    small = replace(WEB, name="bulk", priority=4, guarantee=1)
    found = conflict_of(45, VOIP, WEB, small)
    assert found.constraints == (
        Constraint("link_capacity"),
        Constraint("guarantee", "web"),
        Constraint("guarantee", "voip"),
    )


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (conflict_of(19, VOIP), "The guarantee of voip (20 bit/s) is more than the link has: 19 bit/s."),
        (
            conflict_of(100, replace(VOIP, guarantee=80, max_instances=3)),
            "The guarantee of voip (80 bit/s) needs 4 instances of 25 bit/s, it may have 3.",
        ),
        (
            conflict_of(100, VOIP, WEB, budget=12),
            "The guarantees of voip (20 bit/s: 1 instance at 10) and web (30 bit/s: 1 instance at 3) cost 13, "
            "the budget is 12.",
        ),
        (
            conflict_of(100, replace(VOIP, guarantee=26), budget=12),
            "The guarantee of voip (26 bit/s: 2 instances at 10) costs 20, the budget is 12.",
        ),
    ],
)
def test_each_kind_of_conflict_is_one_sentence_with_its_numbers(found: Conflict, sentence: str) -> None:
    assert found.sentence == sentence


def test_what_fits_exactly_has_no_conflict_even_where_a_float_would_not_tell() -> None:
    much = 10**15
    exact = [replace(VOIP, guarantee=much, instance_capacity=much), replace(WEB, guarantee=1)]
    assert find_conflict(Problem(much + 1, exact)) is None
    assert find_conflict(Problem(much, exact)) is not None
