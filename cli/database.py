"""`modelport db upgrade`: the registry's schema."""

import typer

from cli.output import say

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """The registry's database."""


@app.command()
def upgrade() -> None:
    """Bring the registry's schema to this version.

    Example: modelport db upgrade
    """
    from registry import database

    database.upgrade()
    say("The registry is up to date.")
