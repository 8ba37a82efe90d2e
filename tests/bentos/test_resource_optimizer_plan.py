"""A plan keeps to the link, to every promise and to the order of the classes, whatever they ask for."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentos.resource_optimizer.conflict import find_conflict
from bentos.resource_optimizer.plan import SLACK, Plan, make_plan
from bentos.resource_optimizer.problem import Problem, TrafficClass

rates = st.one_of(st.integers(0, 20), st.integers(0, 10**12), st.sampled_from([10**6, 10**6 + 1, 3 * 10**6 + 1]))
fewer = settings(max_examples=40)  # each example is solved once a class and more


@st.composite
def problems(draw: st.DrawFn, largest: int | None = None, budgets: bool = True) -> Problem:
    """Links with up to six classes: tiny numbers, huge ones, and both on one link; or few and no number above `largest`."""
    numbers = rates if largest is None else st.integers(0, largest)
    count = draw(st.integers(1, 6 if largest is None else 3))
    classes = [
        TrafficClass(
            name=f"class{index}",
            priority=priority,
            demand=draw(numbers),
            guarantee=draw(st.one_of(st.just(0), numbers)),
            instance_capacity=1 + draw(numbers),
            max_instances=draw(st.integers(1, 1000 if largest is None else 4)),
            instance_cost=draw(st.integers(0, 10_000 if largest is None else 10)),
        )
        for index, priority in enumerate(draw(st.permutations(range(1, count + 1))))
    ]
    budget = draw(st.one_of(st.none(), st.integers(0, 100_000 if largest is None else 50))) if budgets else None
    return Problem(1 + draw(numbers), classes, budget)


def feasible(problem: Problem) -> Problem:
    """The problem with its guarantees cut until there is a plan."""
    while find_conflict(problem):
        problem = replace(problem, classes=[replace(c, guarantee=c.guarantee // 8) for c in problem.classes])
    return problem


possible = problems().map(feasible)


@fewer
@given(possible)
def test_the_link_and_the_budget_are_never_exceeded(problem: Problem) -> None:
    plan = make_plan(problem)
    assert plan.bandwidth <= problem.capacity
    assert problem.budget is None or plan.cost <= problem.budget
    for got in plan.allocations:
        assert 0 <= got.instances <= got.of.max_instances
        assert got.bandwidth <= got.instances * got.of.instance_capacity


@fewer
@given(possible)
def test_guarantees_are_met_and_nobody_gets_more_than_is_of_use(problem: Problem) -> None:
    for got in make_plan(problem).allocations:
        assert got.of.guarantee <= got.bandwidth <= got.of.wanted
        assert got.unmet == max(0, got.of.demand - got.bandwidth)


@fewer
@given(possible)
def test_what_is_unmet_has_a_reason_and_what_has_a_reason_is_unmet(problem: Problem) -> None:
    for got in make_plan(problem).allocations:
        short = set(got.binding) - {"guarantee"}
        assert bool(short) == (got.bandwidth < got.of.wanted)


@fewer
@given(possible)
def test_the_same_problem_has_the_same_plan(problem: Problem) -> None:
    assert make_plan(problem) == make_plan(problem)
    turned = replace(problem, classes=problem.classes[::-1])
    assert make_plan(turned).allocations == make_plan(problem).allocations


@fewer
@given(problems(budgets=False).map(feasible), st.integers(0, 10**12))
def test_without_a_budget_nobody_is_worse_off_when_the_link_grows(problem: Problem, more: int) -> None:
    grown = make_plan(replace(problem, capacity=problem.capacity + more))
    for before, after in zip(make_plan(problem).allocations, grown.allocations, strict=True):
        assert after.bandwidth >= before.bandwidth


@fewer
@given(possible, st.integers(0, 10**12))
def test_with_a_budget_nobody_is_worse_off_unless_somebody_better_has_gained(problem: Problem, more: int) -> None:
    grown = make_plan(replace(problem, capacity=problem.capacity + more))
    for before, after in zip(make_plan(problem).allocations, grown.allocations, strict=True):
        change, noise = after.bandwidth - before.bandwidth, 10 * SLACK * before.of.instance_capacity
        assert change >= -noise
        if change > noise:
            return


def in_order(problem: Problem) -> list[tuple[int, int]]:
    """The same by hand, exactly: to each class in turn what link, instances and budget leave once promises are kept."""
    free, money, given = problem.capacity, problem.budget, []
    reserved = {c.name: c.instances_for(c.guarantee) for c in problem.classes}
    for c in problem.by_priority:
        others = [o for o in problem.classes if o.priority > c.priority]
        count = c.max_instances
        if money is not None and c.instance_cost:
            spare = money - sum(reserved[o.name] * o.instance_cost for o in others)
            count = min(count, spare // c.instance_cost)
        got = min(c.wanted, free - sum(o.guarantee for o in others), count * c.instance_capacity)
        given.append((got, c.instances_for(got)))
        free -= got
        money = None if money is None else money - c.instances_for(got) * c.instance_cost
    return given


@fewer
@given(possible)
def test_the_program_finds_what_serving_in_order_gives(problem: Problem) -> None:
    plan = make_plan(problem)
    for got, (bandwidth, instances) in zip(plan.allocations, in_order(problem), strict=True):
        noise = 0 if problem.budget is None else 10 * SLACK * got.of.instance_capacity
        assert got.bandwidth == pytest.approx(bandwidth, rel=0, abs=noise)
        if got.bandwidth != bandwidth:
            return  # the solver took a crumb for nothing: from here on more is left for the others
        assert got.instances == instances


def every_plan(problem: Problem) -> list[list[tuple[int, int]]]:
    """All plans in whole bit/s and instances, as (bandwidth, instances) by priority."""
    classes = problem.by_priority
    choices = [
        [(x, n) for n in range(c.max_instances + 1) for x in range(c.guarantee, c.wanted + 1)
         if x <= n * c.instance_capacity]
        for c in classes
    ]  # fmt: skip
    costs = [c.instance_cost for c in classes]
    return [
        list(plan)
        for plan in product(*choices)
        if sum(x for x, _ in plan) <= problem.capacity
        and (
            problem.budget is None or sum(n * cost for (_, n), cost in zip(plan, costs, strict=True)) <= problem.budget
        )
    ]


@fewer
@given(problems(largest=5).map(feasible))
def test_of_all_plans_none_serves_better_or_as_well_for_less(problem: Problem) -> None:
    def worth(plan: list[tuple[int, int]]) -> Any:
        costs = [c.instance_cost for c in problem.by_priority]
        return [*(-x for x, _ in plan), sum(n * cost for (_, n), cost in zip(plan, costs, strict=True))]

    found = [(got.bandwidth, got.instances) for got in make_plan(problem).allocations]
    assert worth(found) == min(map(worth, every_plan(problem)))


def plan_of(capacity: int, *classes: TrafficClass, budget: int | None = None) -> Plan:
    return make_plan(Problem(capacity, classes, budget))


VOIP = TrafficClass("voip", 1, demand=40, guarantee=20, instance_capacity=25, max_instances=4, instance_cost=10)
WEB = TrafficClass("web", 2, demand=100, guarantee=30, instance_capacity=40, max_instances=4, instance_cost=3)


def test_the_link_goes_to_the_better_class_and_the_promise_to_the_other() -> None:
    voip, web = plan_of(60, VOIP, WEB).allocations
    assert (voip.bandwidth, voip.instances, voip.unmet, voip.binding) == (30, 2, 10, ("link_capacity",))
    assert (web.bandwidth, web.instances, web.unmet, web.binding) == (30, 1, 70, ("guarantee", "link_capacity"))


def test_instances_and_money_can_be_what_is_short() -> None:
    voip, web = plan_of(1000, replace(VOIP, max_instances=1), WEB, budget=16).allocations
    assert (voip.bandwidth, voip.binding) == (25, ("max_instances",))
    assert (web.bandwidth, web.instances, web.binding) == (80, 2, ("budget",))


def test_a_guarantee_is_kept_free_though_nobody_asks_for_it() -> None:
    voip, web = plan_of(100, replace(VOIP, demand=0), WEB).allocations
    assert (voip.bandwidth, voip.unmet, voip.binding) == (20, 0, ("guarantee",))
    assert (web.bandwidth, web.unmet) == (80, 20)
