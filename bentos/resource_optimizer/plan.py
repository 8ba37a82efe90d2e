"""Who gets how much of the link: a mixed-integer program, solved once for each class in the order of their priorities.

First the best class gets as much as it can use, then the next one what is left, with every guarantee kept free for its
class; last, of all plans that serve them so, the cheapest. The README has the formulas and says what this order promises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp

from bentos.resource_optimizer.problem import Problem, TrafficClass

Floats = npt.NDArray[np.float64]
Binding = Literal["link_capacity", "max_instances", "budget", "guarantee"]

SLACK = 1e-6  # of an instance: how exactly the solver keeps what an earlier class was given


@dataclass(frozen=True)
class Allocation:
    """What one class gets: bit/s and instances, and what keeps it from getting more or less."""

    of: TrafficClass
    bandwidth: int
    instances: int
    binding: tuple[Binding, ...]

    @property
    def unmet(self) -> int:
        """Demand that is not served, bit/s."""
        return max(0, self.of.demand - self.bandwidth)

    @property
    def cost(self) -> int:
        """Of its instances."""
        return self.instances * self.of.instance_cost


@dataclass(frozen=True)
class Plan:
    """One allocation for each class, by priority."""

    problem: Problem
    allocations: Sequence[Allocation]

    @property
    def bandwidth(self) -> int:
        """Of all classes, bit/s."""
        return sum(allocation.bandwidth for allocation in self.allocations)

    @property
    def cost(self) -> int:
        """Of all instances."""
        return sum(allocation.cost for allocation in self.allocations)


def make_plan(problem: Problem) -> Plan:
    """The plan of a problem without conflict; the same for the same problem."""
    program = Program(problem)
    for index in range(len(problem.classes)):
        program.serve(index)
    return settle(problem, program.cheapest())


class Program:
    """The mixed-integer program over (y, n): bandwidth in instances, y = x / a, and whole instances, by priority."""

    def __init__(self, problem: Problem) -> None:
        classes = problem.by_priority
        most = np.array([min(found.wanted, problem.capacity) for found in classes], dtype=np.float64)
        # More capacity than it could use would make a class's share of an instance vanish in the solver's tolerance.
        self._unit = np.maximum(np.minimum([float(found.instance_capacity) for found in classes], most), 1.0)
        self._cost = np.array([float(found.instance_cost) for found in classes])
        fewest = [found.instances_for(found.guarantee) for found in classes]
        useful = [found.instances_for(min(found.wanted, problem.capacity)) for found in classes]
        instances = [min(found.max_instances, count) for found, count in zip(classes, useful, strict=True)]
        promised = np.array([float(found.guarantee) for found in classes]) / self._unit
        self._low = np.array([*promised, *fewest], dtype=np.float64)
        self._high = np.array([*np.maximum(most / self._unit, promised), *instances], dtype=np.float64)
        self._rows = self._constraints(problem)

    def _constraints(self, problem: Problem) -> list[LinearConstraint]:
        count = len(self._unit)
        identity, zero = np.eye(count), np.zeros(count)
        carried = LinearConstraint(np.hstack([identity, -identity]), -np.inf, 0.0)
        link = LinearConstraint(np.hstack([self._unit / problem.capacity, zero]), -np.inf, 1.0)
        if problem.budget is None:
            return [carried, link]
        return [carried, link, LinearConstraint(np.hstack([zero, self._cost]), -np.inf, float(problem.budget))]

    def serve(self, index: int) -> None:
        """Give the class with that rank as much as it can use, and hold to it from then on."""
        objective = np.zeros_like(self._low)
        objective[index] = -1.0
        reached = float(self._solve(objective)[index])
        self._low[index] = max(self._low[index], reached - SLACK)

    def cheapest(self) -> list[int]:
        """The fewest and cheapest instances with which every class gets what it was given."""
        count = len(self._unit)
        solution = self._solve(np.concatenate([np.zeros(count), self._cost]))
        return [round(value) for value in solution[count:].tolist()]

    def _solve(self, objective: Floats) -> Floats:
        count = len(self._unit)
        result = milp(
            objective,
            integrality=np.repeat([0, 1], count),
            bounds=Bounds(self._low, self._high),
            constraints=self._rows,
            options={"mip_rel_gap": 0.0},
        )
        if not result.success:
            raise RuntimeError(f"the solver found no plan: {result.message}")
        solution: Floats = result.x
        return solution


def settle(problem: Problem, instances: Sequence[int]) -> Plan:
    """The plan with so many instances by priority, in whole bit/s: the solver's tolerance ends here."""
    reserved = sum(found.guarantee for found in problem.classes)
    left = problem.capacity
    allocations = []
    for found, count in zip(problem.by_priority, instances, strict=True):
        reserved -= found.guarantee
        room = left - reserved
        allowed = count if problem.budget is not None else found.max_instances
        bandwidth = min(found.wanted, room, allowed * found.instance_capacity)
        left -= bandwidth
        binding = tuple(_binding(found, bandwidth, room))
        allocations.append(Allocation(found, bandwidth, found.instances_for(bandwidth), binding))
    return Plan(problem, allocations)


def _binding(found: TrafficClass, bandwidth: int, room: int) -> list[Binding]:
    """What would have to be more for the class to get more; a guarantee, if that is all it gets."""
    binding: list[Binding] = []
    if found.guarantee == bandwidth != found.demand:
        binding.append("guarantee")
    if bandwidth < found.wanted:
        full = bandwidth == found.max_instances * found.instance_capacity
        if bandwidth == room:
            binding.append("link_capacity")
        if full:
            binding.append("max_instances")
        if bandwidth < room and not full:
            binding.append("budget")
    return binding
