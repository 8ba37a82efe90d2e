"""`modelport delete`: an endpoint goes, with all that was its own."""

import typer

from cli.endpoints import ENDPOINT, existing
from cli.output import confirm, say


def delete(
    name: str = ENDPOINT,
    yes: bool = typer.Option(False, "--yes", "-y", help="Don't ask."),
) -> None:
    """Delete an endpoint with its keys, its log, its model and its Bento.

    Example: modelport delete churn --yes
    """
    from registry.database import reading
    from services.exporting import delete as delete_endpoint

    with reading() as opened:
        name = existing(opened, name).name
    if not yes:
        confirm(f"Delete the endpoint {name} with its keys, its log and its model?")
    delete_endpoint(name)
    say(f"{name} is deleted.")
