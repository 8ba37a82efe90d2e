"""The hub: one BentoML service that answers for every exported endpoint. `bentoml serve` at the root runs it."""

import os
from collections.abc import Callable
from functools import partial

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import bentoml

from registry.settings import settings
from services.control.app import control_plane, make_app
from services.control.described import described
from services.control.threads import Threads
from services.documentation.openapi import Schema
from services.guarded import GuardedService
from services.jobs.runner import Runner
from services.middleware.control import ControlPlane
from services.worker import Worker


class Hub(GuardedService["Platform"]):
    """A guarded service whose endpoints come from the registry."""

    makes_its_own_registry = True

    def make_worker(self) -> Worker:
        """A worker that knows every endpoint."""
        return Worker()

    def make_control(self, worker: Worker) -> tuple[ControlPlane, Callable[[], Schema] | None]:
        """What people do with the platform over HTTP."""
        threads, runner = Threads(), Runner()
        worker.at_start(runner.start)
        worker.at_end(runner.close)
        worker.at_end(threads.close)
        app = make_app(worker.directory.tokens, threads, runner)
        return control_plane(app), partial(described, app)

    def own_handlers(self) -> None:
        """None: the registry's endpoints are loaded as they are called."""


@bentoml.service(
    service_class=Hub,
    name="modelport",
    workers=settings().workers,
)
class Platform:
    """Serves `POST /api/predict/{endpoint}` and the routes of hand-written services."""
