"""POST /traffic/optimize: a link, its classes and what they ask for in; who gets how much of the link out."""

import os

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import asyncio
from typing import Any

import bentoml

from bentos.resource_optimizer.bodies import Measured, OptimizeRequest, OptimizeResponse
from bentos.resource_optimizer.conflict import find_conflict
from bentos.resource_optimizer.demand import demands_of, rate_of, shares_of
from bentos.resource_optimizer.plan import make_plan
from bentos.resource_optimizer.translation import answer_of, infeasible, problem_of, version_of
from bentos.traffic_classifier.service import ModelVersion, TrafficClassifier
from bentos.traffic_forecaster.service import TrafficForecaster
from services.guarded import GuardedService


@bentoml.service(name="resource_optimizer", service_class=GuardedService)
class ResourceOptimizer:
    """Plans a link's bandwidth and instances by priority, from demands or from what was measured."""

    classifier = bentoml.depends(TrafficClassifier)
    forecaster = bentoml.depends(TrafficForecaster)

    @bentoml.api(route="/traffic/optimize", input_spec=OptimizeRequest)  # type: ignore[untyped-decorator]
    async def optimize(self, **body: Any) -> OptimizeResponse:
        """Give each class its guarantee, then its demand by priority, at the least cost."""
        request = OptimizeRequest.model_construct(**body)
        measured, models = (None, []) if request.demands is not None else await self.measure(request)
        demands = request.demands if measured is None else demands_of(measured.shares, measured.volume_bps)
        problem = problem_of(request, demands or {})
        if conflict := find_conflict(problem):
            raise infeasible(conflict)
        plan = await asyncio.to_thread(make_plan, problem)
        return answer_of(plan, measured, models)

    async def measure(self, request: OptimizeRequest) -> tuple[Measured, list[ModelVersion]]:
        """What is on the link: each class's share of the flows' bytes, and the volume that they share."""
        (shares, classifier), (volume, forecaster) = await asyncio.gather(self.shares(request), self.volume(request))
        return Measured(volume_bps=volume, shares=shares), [classifier, *forecaster]

    async def shares(self, request: OptimizeRequest) -> tuple[dict[str, float], ModelVersion]:
        """Each class's share of the bytes, and which classifier said so."""
        flows = request.flows or []
        found = await self.classifier.to_async.classify(instances=[flow.model_dump() for flow in flows])
        kinds = [prediction.classification for prediction in found.predictions]
        carried = [flow.bytes_up + flow.bytes_down for flow in flows]
        return shares_of(zip(kinds, carried, strict=True)), version_of(found.model)

    async def volume(self, request: OptimizeRequest) -> tuple[int, list[ModelVersion]]:
        """The volume to plan for, bit/s: the one given, or a forecast's busiest interval, and whose forecast it is."""
        if request.past is None:
            return request.volume_bps or 0, []
        found = await self.forecaster.to_async.forecast(**request.past.model_dump())
        busiest = max(getattr(step.bytes, request.plan_for) for step in found.steps)
        return rate_of(busiest, found.interval_minutes), [version_of(found.model)]
