"""The layers around every service, outermost first. The order is the policy: read it here."""

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from registry.settings import settings
from services.limits.rule import Limit
from services.metrics import take_over
from services.middleware.authentication import Authentication
from services.middleware.body_limit import BodyLimit
from services.middleware.context import Context
from services.middleware.errors import Errors, ForeignErrors
from services.middleware.predictions import Predictions
from services.middleware.rate_limit import RateLimit
from services.middleware.routes import Routes
from services.worker import Worker

EXPOSED = ["X-Request-ID", "RateLimit", "RateLimit-Policy", "Retry-After"]


def stack(app: Starlette, worker: Worker) -> ASGIApp:
    """Put the layers around BentoML's app."""
    chosen = settings()
    metrics = take_over(app)
    inner: ASGIApp = ForeignErrors(app)  # what BentoML answers as an error becomes ours
    inner = Routes(inner, app)  # an unknown path never reaches BentoML
    inner = Predictions(inner, worker.handler)  # JSON predictions are answered here
    inner = RateLimit(inner, worker.limiter, Limit.parse(chosen.rate_limit))  # only who is known has a limit to spend
    inner = Authentication(inner, worker.directory)  # nothing inside is open, but for health and documents
    inner = BodyLimit(inner, chosen.max_body_bytes)  # before anything reads a byte
    inner = Errors(inner)  # every failure from here inwards has one body
    if chosen.cors_origins:  # outside of authentication: a preflight carries no key
        inner = CORSMiddleware(
            inner,
            allow_origins=chosen.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
            expose_headers=EXPOSED,
        )
    return Context(inner, metrics, worker.log)  # outermost: every answer is counted and logged
