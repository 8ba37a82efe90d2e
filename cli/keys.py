"""`modelport keys create|list|revoke|rotate`: who may call. A key's text is printed once and never kept."""

from typing import TYPE_CHECKING, Any

import typer

from cli.endpoints import existing
from cli.output import OUTPUT, Format, print_fields, print_json, print_rows, say

if TYPE_CHECKING:
    from registry.accounts import ApiKey
    from services.security.api_keys import MintedKey

app = typer.Typer(no_args_is_help=True)

KEY = typer.Argument(metavar="ID", help="The key's id, as `modelport keys list` shows it.")
COLUMNS = ("id", "endpoint", "name", "status", "created_at", "last_used", "expires_at")


@app.command()
def create(
    endpoint: str | None = typer.Option(None, "--endpoint", help="The only endpoint it opens; by default every one."),
    name: str = typer.Option("cli", "--name", help="What the key is for."),
    expires_days: int | None = typer.Option(None, "--expires-days", min=1, max=3650, help="Days until it expires."),
    output: Format = OUTPUT,
) -> None:
    """Make an API key.

    Example: modelport keys create --endpoint churn
    """
    from datetime import timedelta

    from registry.clock import now
    from registry.database import require_schema
    from services.keys import create_key

    require_schema()
    expires_at = None if expires_days is None else now() + timedelta(days=expires_days)
    _print_new(create_key(endpoint, name, expires_at), output)


def _print_new(key: "MintedKey", output: Format) -> None:
    made = {"id": key.key_id, "api_key": key.text}
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
    from registry.database import reading, require_schema

    require_schema()
    with reading() as opened:
        found = keys(opened) if endpoint is None else keys_of_endpoint(opened, existing(opened, endpoint))
        rows = [_row(key) for key in found]
    print_rows(rows, COLUMNS, output, none="No keys yet: `modelport keys create` makes one.")


def _row(key: "ApiKey") -> dict[str, Any]:
    return {
        "id": key.key_id,
        "endpoint": key.endpoint.name if key.endpoint is not None else None,
        "name": key.name,
        "status": _status(key),
        "created_at": key.created_at,
        "last_used": key.last_used,
        "expires_at": min((end for end in (key.expires_at, key.grace_until) if end is not None), default=None),
    }


def _status(key: "ApiKey") -> str:
    from registry.clock import now

    if key.revoked_at is not None or not key.is_active:
        return "revoked"
    ends = [end for end in (key.expires_at, key.grace_until) if end is not None]
    if any(end <= now() for end in ends):
        return "expired"
    return "rotated" if key.grace_until is not None else "active"


@app.command()
def revoke(key_id: str = KEY) -> None:
    """End a key at once.

    Example: modelport keys revoke 3kTq9fWz0aBc
    """
    from registry.accounts import find_key, revoke_key
    from registry.database import require_schema, session
    from registry.errors import NotFound

    require_schema()
    with session() as opened:
        key = find_key(opened, key_id)
        if key is None:
            raise NotFound(f"there is no key {key_id!r}; `modelport keys list` shows what there is")
        revoke_key(opened, key, actor="user:local")
    say(f"{key_id} is revoked.")


@app.command()
def rotate(
    key_id: str = KEY,
    grace_hours: int = typer.Option(
        24, "--grace-hours", min=0, max=168, help="Hours that the old key goes on working."
    ),
    output: Format = OUTPUT,
) -> None:
    """Replace a key by a new one; the old one works on for a while.

    Example: modelport keys rotate 3kTq9fWz0aBc --grace-hours 48
    """
    from datetime import timedelta

    from registry.database import require_schema
    from services.keys import replace_key

    require_schema()
    _print_new(replace_key(key_id, timedelta(hours=grace_hours)), output)
