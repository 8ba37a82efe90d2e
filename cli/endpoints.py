"""What the commands on endpoints share: how one is named, found, addressed and summed up."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from registry.catalog import Endpoint

ENDPOINT = typer.Argument(metavar="NAME", help="The endpoint's name or id.")


def existing(session: Any, name: str) -> "Endpoint":
    """The endpoint of that name or id; NotFound when there is none."""
    from registry.catalog import find_endpoint
    from registry.database import require_schema
    from registry.errors import NotFound

    require_schema()
    endpoint = find_endpoint(session, name)
    if endpoint is None:
        raise NotFound(f"there is no endpoint {name!r}; `modelport list` shows what there is")
    return endpoint


def url_of(endpoint: "Endpoint") -> str:
    """Where the hub answers for the endpoint."""
    from registry.settings import settings

    return settings().url_of(endpoint.path)


def summary(endpoint: "Endpoint") -> dict[str, Any]:
    """What `list` says of an endpoint."""
    return {
        "endpoint": endpoint.name,
        "status": endpoint.status.value,
        "model": endpoint.model.name,
        "version": str(endpoint.model.version),
        "framework": endpoint.model.framework,
        "runtime": endpoint.model.runtime,
        "bento": endpoint.bento,
        "created_at": endpoint.created_at,
        "last_used_at": endpoint.last_used_at,
        "total_requests": endpoint.total_requests,
    }
