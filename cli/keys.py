"""`modelport keys create|list|show|rotate|revoke`: who may call. A key's text is printed once and never kept."""

from typing import TYPE_CHECKING, Any

import typer

from cli.duration import duration
from cli.endpoints import existing
from cli.output import OUTPUT, Format, print_fields, print_json, print_rows, say

if TYPE_CHECKING:
    from registry.accounts import ApiKey
    from services.keys import Issued
    from services.security.scopes import Scopes

app = typer.Typer(no_args_is_help=True)

KEY = typer.Argument(metavar="ID", help="The key's id, as `modelport keys list` shows it.")
COLUMNS = ("id", "user", "endpoint", "name", "scopes", "status", "created_at", "last_used", "expires_at")


@app.command()
def create(
    endpoint: str | None = typer.Option(None, "--endpoint", help="The only endpoint it opens; by default every one."),
    name: str = typer.Option("cli", "--name", help="What the key is for."),
    scope: list[str] | None = typer.Option(
        None, "--scope", help="What it may do: predict, predict:<endpoint>, metrics; several times if need be."
    ),
    expires_days: int = typer.Option(90, "--expires-days", min=1, max=365, help="Days until it expires."),
    never_expires: bool = typer.Option(False, "--never-expires", help="It works until it is revoked."),
    output: Format = OUTPUT,
) -> None:
    """Make an API key.

    Example: modelport keys create --endpoint churn --scope predict
    """
    from datetime import timedelta

    from registry.database import require_schema
    from services.keys import create_key

    allowed = _scopes(scope)
    require_schema()
    lifetime = None if never_expires else timedelta(days=expires_days)
    _print_new(create_key(endpoint, name, allowed, lifetime), output)


def _scopes(words: list[str] | None) -> "Scopes | None":
    from services.security.scopes import parse

    try:
        return parse(words) if words else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--scope'") from None


def _print_new(issued: "Issued", output: Format) -> None:
    made = {"id": issued.key.key_id, "api_key": issued.text, "expires_at": issued.key.expires_at}
    if output is Format.JSON:
        print_json(made)
    else:
        print_fields(made)
        say("The key is shown this once.")


@app.command("list")
def list_keys(
    endpoint: str | None = typer.Option(None, "--endpoint", help="Only the keys of this endpoint."),
    output: Format = OUTPUT,
) -> None:
    """List the keys; never their text.

    Example: modelport keys list --endpoint churn
    """
    from registry.accounts import keys, keys_of_endpoint
    from registry.clock import now
    from registry.database import reading, require_schema
    from services.key_status import row

    require_schema()
    with reading() as opened:
        found = keys(opened) if endpoint is None else keys_of_endpoint(opened, existing(opened, endpoint))
        rows = [row(key, now()) for key in found]
    print_rows(rows, COLUMNS, output, none="No keys yet: `modelport keys create` makes one.")


@app.command()
def show(key_id: str = KEY, output: Format = OUTPUT) -> None:
    """Show what is known of a key; never its text.

    Example: modelport keys show 3kTq9fWz0aBc
    """
    from registry.accounts import ApiKey
    from registry.clock import now
    from registry.database import reading, require_schema
    from services.key_status import details

    require_schema()
    with reading() as opened:
        key = _existing(opened, key_id)
        before = opened.get(ApiKey, key.rotated_from) if key.rotated_from is not None else None
        fields = details(key, before, now())
    (print_json if output is Format.JSON else print_fields)(fields)


@app.command()
def revoke(key_id: str = KEY) -> None:
    """End a key at once, also one that is in its grace period.

    Example: modelport keys revoke 3kTq9fWz0aBc
    """
    from registry.accounts import revoke_key
    from registry.database import require_schema, session

    require_schema()
    with session() as opened:
        revoke_key(opened, _existing(opened, key_id), actor="user:local")
    say(f"{key_id} is revoked.")


def _existing(session: Any, key_id: str) -> "ApiKey":
    from registry.accounts import find_key
    from services.keys import no_such_key

    key = find_key(session, key_id)
    if key is None:
        raise no_such_key(key_id)
    return key


@app.command()
def rotate(
    key_id: str = KEY,
    grace: str = typer.Option("24h", "--grace", help="How long the old key works on: 24h, 30m, 7d at most, or 0."),
    output: Format = OUTPUT,
) -> None:
    """Replace a key by a new one for the same use; the old one works on for a while.

    Example: modelport keys rotate 3kTq9fWz0aBc --grace 48h
    """
    from registry.database import require_schema
    from services.keys import LONGEST_GRACE, replace_key

    span = duration(grace, "--grace")
    if span > LONGEST_GRACE:
        raise typer.BadParameter(f"{grace} is more than {LONGEST_GRACE.days}d", param_hint="'--grace'")
    require_schema()
    _print_new(replace_key(key_id, span), output)
