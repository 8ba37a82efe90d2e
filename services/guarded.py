"""GuardedService: BentoML's Service with the platform's layers around its whole app."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import bentoml
from starlette.applications import Starlette
from starlette.types import ASGIApp

from services import http_protocol, log_text, no_fetching
from services.documentation import documentation_routes
from services.documentation.openapi import Schema, service_document
from services.inference.methods import read_forms
from services.inference.servable import Handler
from services.inference.threads import environment
from services.inference.typed import describe_routes, takes_images, typed_handlers
from services.middleware import stack
from services.middleware.control import NOTHING, ControlPlane
from services.startup import check_registry
from services.worker import Worker

T_co = TypeVar("T_co", covariant=True)

_TRACING = "OpenTelemetryMiddleware"


class GuardedService(bentoml.Service[T_co]):  # type: ignore[misc]
    """Use it with `@bentoml.service(service_class=GuardedService)`; a dependency of another service stays bare."""

    instance: Any = None
    makes_its_own_registry = False

    def __attrs_post_init__(self) -> None:
        """Add what BentoML runs once, in the parent, before any worker: a check that can end the start, and the cores."""
        self.config.setdefault("logging", {"access": {"enabled": False}})  # the request log says it all
        super().__attrs_post_init__()
        for api in filter(takes_images, self.apis.values()):
            read_forms(api.input_spec)
        self.inner.check_registry = bentoml.on_deployment(partial(check_registry, self.makes_its_own_registry))
        self.inner.share_cores = bentoml.on_deployment(partial(share_cores, self))

    def __call__(self) -> T_co:
        """Make the service's instance, and remember it: its methods are called directly for JSON requests."""
        self.instance = super().__call__()
        made: T_co = self.instance
        return made

    @property
    def endpoint_name(self) -> str:
        """The registry's name for what this service serves: its Bento's name, or its own."""
        return str(self.bento.tag.name if self.bento is not None else self.name)

    def own_handlers(self) -> Mapping[str, Handler] | None:
        """The handlers of this service's JSON routes; None for the hub, which serves every endpoint's."""
        offered = getattr(self.instance, "handlers", None)
        return offered if offered is not None else typed_handlers(self, self.instance)

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """BentoML's app, inside the platform's layers when clients reach it."""
        app: Starlette = super().to_asgi(is_main=is_main)
        drop_idle_tracing(app)
        if not is_main:
            return app
        logging.getLogger("uvicorn.access").propagate = False  # it would word a line a request for nobody to read
        worker = self.make_worker()
        control, describe = self.make_control(worker)
        routes = documentation_routes(worker.directory, describe)
        app.router.routes[:0] = routes  # ours before BentoML's `/` and `/docs.json`
        http_protocol.install()
        log_text.install()
        no_fetching.install()
        keep_while_serving(app, worker, self.own_handlers)
        return stack(app, worker, control)

    @property
    def openapi_spec(self) -> Any:
        """The document that BentoML writes into a Bento: ours, for BentoML's own knows only part of JSON Schema."""
        return service_document(str(self.name), describe_routes(self))

    def make_worker(self) -> Worker:
        """What this process keeps beside the app."""
        return Worker(only=self.endpoint_name)

    def make_control(self, worker: Worker) -> tuple[ControlPlane, Callable[[], Schema] | None]:
        """The control plane and what describes it; a service that serves itself alone has none."""
        return NOTHING, None


def keep_while_serving(app: Starlette, worker: Worker, own: Callable[[], Mapping[str, Handler] | None]) -> None:
    """Start the worker once BentoML's app has started, and stop it once the last request is answered."""
    bentomls = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(served: Any) -> AsyncIterator[Any]:
        async with bentomls(served) as state:
            await worker.start(own())
            try:
                yield state
            finally:
                await worker.stop()

    app.router.lifespan_context = lifespan


def share_cores(service: bentoml.Service[Any]) -> None:
    """Tell the workers' libraries, through the environment they will inherit, how many threads each may have."""
    from _bentoml_impl.server.allocator import ResourceAllocator  # type: ignore[import-untyped]

    workers, _ = ResourceAllocator().get_worker_env(service)
    os.environ.update(environment(workers))


def drop_idle_tracing(app: Starlette) -> None:
    """Remove BentoML's tracing layer unless an exporter is configured: it costs most of a request and goes nowhere."""
    from bentoml._internal.configuration.containers import BentoMLContainer

    if BentoMLContainer.config.tracing.exporter_type.get() is None:
        app.user_middleware[:] = [m for m in app.user_middleware if getattr(m.cls, "__name__", "") != _TRACING]
