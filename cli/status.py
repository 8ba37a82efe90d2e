"""`modelport activate|deactivate`: whether an endpoint answers."""

from typing import TYPE_CHECKING

from cli.endpoints import ENDPOINT, existing
from cli.output import say

if TYPE_CHECKING:
    from registry.catalog import EndpointStatus


def activate(name: str = ENDPOINT) -> None:
    """Let an endpoint answer again.

    Example: modelport activate churn
    """
    from registry.catalog import EndpointStatus

    _set_status(name, EndpointStatus.ACTIVE)


def deactivate(name: str = ENDPOINT) -> None:
    """Stop an endpoint from answering; its keys and its log stay.

    Example: modelport deactivate churn
    """
    from registry.catalog import EndpointStatus

    _set_status(name, EndpointStatus.INACTIVE)


def _set_status(name: str, status: "EndpointStatus") -> None:
    from registry.catalog import set_status
    from registry.database import session

    with session() as opened:
        endpoint = existing(opened, name)
        if endpoint.status != status:
            set_status(opened, endpoint, status, actor="user:local")
    say(f"{endpoint.name} is {status.value}.")
