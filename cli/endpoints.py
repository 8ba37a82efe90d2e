"""What the commands on endpoints share: how one is named, found and addressed."""

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
