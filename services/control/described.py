"""The control plane's part of the OpenAPI document, and the walk over its routes that must not miss any."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

Schema = dict[str, Any]

_MEANINGS = {
    400: "The body doesn't fit.",
    401: "Not signed in, or what was given to sign in is not valid.",
    403: "Not permitted; API keys don't open this address.",
    404: "There is no such thing, or it is another's.",
    405: "This address does not take that method.",
    409: "It contradicts what is there already.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "This `Idempotency-Key` was used for another request.",
    429: "The limit is used up; `Retry-After` says when to try again.",
    500: "Something went wrong; the request id finds it in the log.",
    503: "Not at this moment; `Retry-After` says when to try again.",
}
_ANYWHERE = (400, 405, 413, 429, 500, 503)
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def failures(*statuses: int) -> dict[int | str, Schema]:
    """A route's failures for its description: these, and those that every route has."""
    return {status: {"description": _MEANINGS[status], "content": _ERROR} for status in sorted({*statuses, *_ANYWHERE})}


def described(app: FastAPI) -> Schema:
    """Paths and schemas of an app as parts of the platform's document; RuntimeError when `templates` misses any."""
    document, walked = app.openapi(), templates(app)
    for path, operations in document["paths"].items():
        if missing := {method.upper() for method in operations} - walked.get(path, set()):
            raise RuntimeError(f"the walk over the control plane's routes misses {sorted(missing)} {path}")
        for operation in operations.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]  # FastAPI's own, which is never answered here
            operation.setdefault("security", [{"Bearer": []}])
    schemas = document.get("components", {}).get("schemas", {})
    own = {name: schema for name, schema in schemas.items() if name not in ("HTTPValidationError", "ValidationError")}
    return {"paths": document["paths"], "schemas": own}


def templates(app: FastAPI) -> dict[str, set[str]]:
    """Every route's path with its methods. FastAPI hides included routes; what this misses is not reached."""
    walked: dict[str, set[str]] = {}
    for route in iter_route_contexts(app.routes):
        if route.path_format is not None:
            walked.setdefault(route.path_format, set()).update(route.methods or ())
    return walked
