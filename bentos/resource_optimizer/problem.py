"""What is to be planned: a link, the classes of traffic on it, a budget. Whole bit/s and whole money, so that sums are exact."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TrafficClass:
    """One class of traffic: what it asks for, what it was promised, and what its instances carry and cost."""

    name: str
    priority: int  # 1 is served first
    demand: int  # bit/s
    guarantee: int  # bit/s, kept free for it whether it asks for it or not
    instance_capacity: int  # bit/s
    max_instances: int
    instance_cost: int  # smallest unit of money

    @property
    def wanted(self) -> int:
        """The most bandwidth that is of use to it, bit/s."""
        return max(self.demand, self.guarantee)

    def instances_for(self, bandwidth: int) -> int:
        """How many instances carry so many bit/s."""
        return -(-bandwidth // self.instance_capacity)


@dataclass(frozen=True)
class Problem:
    """Classes with priorities of their own on one link of `capacity` bit/s; `budget` None: cost has no limit."""

    capacity: int
    classes: Sequence[TrafficClass]
    budget: int | None = None

    @property
    def by_priority(self) -> list[TrafficClass]:
        """The classes, the one to serve first in front."""
        return sorted(self.classes, key=lambda found: found.priority)
