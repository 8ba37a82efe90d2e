"""The layers around every service, outermost first. The order is the policy: read it here."""

from starlette.applications import Starlette
from starlette.types import ASGIApp

from registry.settings import settings
from services.metrics import take_over
from services.middleware.access import Access
from services.middleware.authentication import Authentication
from services.middleware.body_limit import BodyLimit
from services.middleware.checks import Check, Checks
from services.middleware.concurrency import Concurrency, wanted
from services.middleware.context import Context
from services.middleware.control import NOTHING, ControlPlane, ControlRoutes
from services.middleware.cors import Cors
from services.middleware.errors import ForeignErrors
from services.middleware.immediate import Immediate
from services.middleware.predictions import Predictions
from services.middleware.public import public
from services.middleware.rate_limit import RateLimit
from services.middleware.routes import Routes
from services.peer import Proxies
from services.record import Record
from services.worker import Worker


def stack(app: Starlette, worker: Worker, control: ControlPlane = NOTHING) -> Context:
    """Put the layers around BentoML's app and, in the hub, the control plane's beside it."""
    chosen = settings()
    metrics = take_over(app)
    worker.each_interval(metrics.publish)
    record = Record(metrics, worker.log, worker.images)
    limit = RateLimit(worker.directory, chosen)
    checks: list[Check] = [
        Routes(app, worker.directory, control.routes),  # first, so that refusals, too, are counted where they belong
        *([Cors(chosen.cors_origins)] if chosen.cors_origins else []),  # a browser's first question carries no key
        public,  # health and documents: exempt from what follows
        BodyLimit(  # before anything reads a byte
            chosen.max_body_bytes, chosen.upload_max_bytes, chosen.image_max_bytes, chosen.images_max_bytes
        ),
        # Nothing inside is open, but for health and documents; who can't say who they are is counted by address.
        Authentication(worker.directory, limit.refused, control),
        limit,  # who is known has a limit to spend
        Access(worker.directory, control),  # and may do what key or role permits
        *([Concurrency(chosen)] if wanted(chosen) else []),
    ]
    inner: ASGIApp = ControlRoutes(app, control)
    inner = ForeignErrors(inner)  # what BentoML or FastAPI answers as an error becomes ours
    inner = Predictions(inner, worker.ready, worker.handler)  # JSON predictions; an unknown path goes no further
    inner = Checks(inner, checks)  # every refusal and failure from here inwards has one body
    # Outermost: every answer is counted and logged. What needs no layer at all is answered by the protocol itself.
    immediate = Immediate(worker.directory, checks, worker.ready, record, chosen.max_body_bytes)
    return Context(inner, record, immediate, Proxies(chosen.trusted_proxies))
