"""The hub: one BentoML service that answers for every exported endpoint. `bentoml serve` at the root runs it."""

import os

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import bentoml

from registry.settings import settings
from services.guarded import GuardedService
from services.worker import Worker


class Hub(GuardedService["Platform"]):
    """A guarded service whose endpoints come from the registry."""

    makes_its_own_registry = True

    def make_worker(self) -> Worker:
        """A worker that knows every endpoint."""
        return Worker()

    def own_handlers(self) -> None:
        """None: the registry's endpoints are loaded as they are called."""


@bentoml.service(
    service_class=Hub,
    name="modelport",
    workers=settings().workers,
)
class Platform:
    """Serves `POST /api/predict/{endpoint}` and the routes of hand-written services."""
