"""Makes the control plane: one FastAPI app without pages of its own, whose failures all have the platform's body."""

from typing import Any, NoReturn, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import ErrorDetails

from registry.errors import InvalidInput
from services.control import admin, auth, exporting, exports, keys, models, predictions, users
from services.control.described import templates
from services.control.threads import Threads
from services.invalid import refusal
from services.jobs.runner import Runner
from services.middleware.control import ControlPlane
from services.security.tokens import AccessTokens

NOUNS = tuple(noun.router for noun in (auth, models, exports, exporting, keys, predictions, users, admin))


def make_app(tokens: AccessTokens, threads: Threads, runner: Runner) -> FastAPI:
    """The app; its threads and its runner are its maker's to close."""
    app = FastAPI(
        openapi_url=None,  # its part stands in the platform's document
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,  # as for predictions: no content type at all counts as JSON
        generate_unique_id_function=_operation_id,
        exception_handlers={RequestValidationError: _refuse},
    )
    app.state.tokens, app.state.threads, app.state.runner = tokens, threads, runner
    for noun in NOUNS:
        app.include_router(noun)
    return app


def control_plane(app: FastAPI) -> ControlPlane:
    """What the layers need to know of it."""
    return ControlPlane(app, templates(app), auth.OPEN)


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}.{route.name}"


async def _refuse(_: Request, error: Any) -> NoReturn:
    """FastAPI's report on a request as ours: places and problems, never what was sent."""
    found = error.errors()
    if any(problem["type"] == "json_invalid" for problem in found):
        raise InvalidInput("The body is not JSON.") from None
    if any(problem["type"] == "missing" and len(problem["loc"]) == 1 for problem in found):
        raise InvalidInput("A JSON object is required as the body.") from None
    # The first part of a place says only whether it is in the body or in the path.
    placed = [{**problem, "loc": tuple(problem["loc"][1:])} for problem in found]
    raise refusal(cast("list[ErrorDetails]", placed)) from None
