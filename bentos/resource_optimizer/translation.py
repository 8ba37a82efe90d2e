"""Between the bodies of the endpoint and the plan: field names with units on one side, plain numbers on the other."""

from collections.abc import Mapping
from typing import Any

from bentos.resource_optimizer.bodies import (
    ClassAllocation,
    ClassPolicy,
    Measured,
    OptimizeRequest,
    OptimizeResponse,
)
from bentos.resource_optimizer.conflict import Conflict
from bentos.resource_optimizer.plan import Allocation, Plan
from bentos.resource_optimizer.problem import Problem, TrafficClass
from bentos.traffic_classifier.service import ModelVersion
from registry.errors import InvalidInput
from services.request import request_id


def problem_of(request: OptimizeRequest, demands: Mapping[str, int]) -> Problem:
    """The problem that a request poses, with these demands; InvalidInput for the demand of a class that it lacks."""
    unknown = sorted(set(demands) - {policy.name for policy in request.classes})
    if unknown:
        raise InvalidInput(
            f"classes: none is for {', '.join(unknown)}, which is on the link.", {"unknown_classes": unknown}
        )
    classes = [_class_of(policy, demands.get(policy.name, 0)) for policy in request.classes]
    return Problem(request.link_capacity_bps, classes, request.budget)


def _class_of(policy: ClassPolicy, demand: int) -> TrafficClass:
    return TrafficClass(
        name=policy.name,
        priority=policy.priority,
        demand=demand,
        guarantee=policy.guarantee_bps,
        instance_capacity=policy.instance_capacity_bps,
        max_instances=policy.max_instances,
        instance_cost=policy.instance_cost,
    )


def infeasible(conflict: Conflict) -> InvalidInput:
    """The refusal of a request that nothing can be planned for: the constraints that exclude each other."""
    constraints = [
        {"constraint": constraint.kind} | ({"class": constraint.name} if constraint.name else {})
        for constraint in conflict.constraints
    ]
    return InvalidInput(conflict.sentence, {"reason": "infeasible", "conflict": constraints})


def answer_of(plan: Plan, measured: Measured | None, models: list[ModelVersion]) -> OptimizeResponse:
    """The answer that tells a plan."""
    capacity = plan.problem.capacity
    return OptimizeResponse(
        allocations=[_allocation(got, capacity) for got in plan.allocations],
        link_used_bps=plan.bandwidth,
        link_utilisation=plan.bandwidth / capacity,
        unmet_bps=sum(got.unmet for got in plan.allocations),
        total_cost=plan.cost,
        measured=measured,
        models=models,
        request_id=request_id(),
    )


def _allocation(got: Allocation, capacity: int) -> ClassAllocation:
    return ClassAllocation(
        name=got.of.name,
        priority=got.of.priority,
        demand_bps=got.of.demand,
        guarantee_bps=got.of.guarantee,
        bandwidth_bps=got.bandwidth,
        link_share=got.bandwidth / capacity,
        instances=got.instances,
        met_bps=got.of.demand - got.unmet,
        unmet_bps=got.unmet,
        cost=got.cost,
        binding=list(got.binding),
    )


def version_of(model: Any) -> ModelVersion:
    """A model as this answer names it, whichever service named it."""
    return ModelVersion(name=model.name, version=model.version)
