"""Why nothing can be planned: an irreducible set of constraints, any one of which, given up, would make the others fit.

Only guarantees ask for anything, so whether a set of constraints fits is a matter of sums of whole numbers: exact at
any size, where a solver would have a tolerance.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from bentos.resource_optimizer.problem import Problem, TrafficClass

Kind = Literal["link_capacity", "budget", "max_instances", "guarantee"]


@dataclass(frozen=True)
class Constraint:
    """One constraint: the link's, the budget's, or one of a class."""

    kind: Kind
    name: str | None = None  # of the class


@dataclass(frozen=True)
class Conflict:
    """Constraints that can't all hold, and one sentence with their numbers."""

    constraints: tuple[Constraint, ...]
    sentence: str


def find_conflict(problem: Problem) -> Conflict | None:
    """An irreducible set of constraints that exclude each other, or None when there is a plan.

    The deletion filter: leave out one constraint after the other, for good where the others still exclude each other.
    What is tried first is named last: a class whose own instances can't carry its guarantee before the link and the
    budget, and better classes before worse ones.
    """
    kept = dict.fromkeys(constraints_of(problem))
    if fits(problem, kept.keys()):
        return None
    for constraint in list(kept):
        if not fits(problem, kept.keys() - {constraint}):
            del kept[constraint]
    return Conflict(tuple(kept), _sentence(problem, kept.keys()))


def constraints_of(problem: Problem) -> list[Constraint]:
    """All of a problem's constraints, in the order in which the deletion filter tries to do without them."""
    names = [found.name for found in reversed(problem.by_priority)]
    limits = [Constraint("link_capacity"), *(Constraint("max_instances", name) for name in names)]
    budget = [Constraint("budget")] if problem.budget is not None else []
    return [*budget, *limits, *(Constraint("guarantee", name) for name in names)]


def fits(problem: Problem, constraints: Set[Constraint]) -> bool:
    """Whether there is a plan that keeps these constraints."""
    promised = _promised(problem, constraints)
    return (
        not any(_too_few(found) and Constraint("max_instances", found.name) in constraints for found in promised)
        and not (Constraint("link_capacity") in constraints and _bandwidth(promised) > problem.capacity)
        and not (
            Constraint("budget") in constraints and problem.budget is not None and _cost(promised) > problem.budget
        )
    )


def _promised(problem: Problem, constraints: Set[Constraint]) -> list[TrafficClass]:
    return [found for found in problem.by_priority if Constraint("guarantee", found.name) in constraints]


def _too_few(found: TrafficClass) -> bool:
    return found.instances_for(found.guarantee) > found.max_instances


def _bandwidth(promised: list[TrafficClass]) -> int:
    return sum(found.guarantee for found in promised)


def _cost(promised: list[TrafficClass]) -> int:
    return sum(found.instances_for(found.guarantee) * found.instance_cost for found in promised)


def _sentence(problem: Problem, constraints: Set[Constraint]) -> str:
    promised = _promised(problem, constraints)
    one = len(promised) == 1
    if Constraint("link_capacity") in constraints:
        listed = _listed([f"{found.name} ({found.guarantee} bit/s)" for found in promised])
        if one:
            return f"The guarantee of {listed} is more than the link has: {problem.capacity} bit/s."
        return f"The guarantees of {listed} sum to {_bandwidth(promised)} bit/s, the link has {problem.capacity} bit/s."
    if Constraint("budget") in constraints:
        listed = _listed([f"{found.name} ({found.guarantee} bit/s: {_instances(found)})" for found in promised])
        what = f"guarantee of {listed} costs" if one else f"guarantees of {listed} cost"
        return f"The {what} {_cost(promised)}, the budget is {problem.budget}."
    (found,) = promised
    return (
        f"The guarantee of {found.name} ({found.guarantee} bit/s) needs {found.instances_for(found.guarantee)} instances "
        f"of {found.instance_capacity} bit/s, it may have {found.max_instances}."
    )


def _instances(found: TrafficClass) -> str:
    count = found.instances_for(found.guarantee)
    return f"{count} instance{'s' if count > 1 else ''} at {found.instance_cost}"


def _listed(parts: list[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last
