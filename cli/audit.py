"""`modelport audit list|verify`: who changed what, and whether anybody has touched the record of it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from cli.output import OUTPUT, Format, print_rows, say

if TYPE_CHECKING:
    from registry.audit import AuditEntry

app = typer.Typer(no_args_is_help=True)

COLUMNS = ("seq", "created_at", "actor", "action", "target", "detail")


@app.command("list")
def list_entries(
    last: int = typer.Option(50, "--last", min=1, max=10_000, help="How many, the newest first."),
    since: str | None = typer.Option(None, "--since", help="Only from then on: 2026-11-22, or with a time; in UTC."),
    actor: str | None = typer.Option(None, "--actor", help="Only what they did, such as user:local."),
    action: str | None = typer.Option(None, "--action", help="Only this, such as account:key:created."),
    target: str | None = typer.Option(None, "--target", help="Only what was done to it, such as endpoint:churn."),
    before: int | None = typer.Option(None, "--before", help="Go on below this entry, where an earlier list ended."),
    output: Format = OUTPUT,
) -> None:
    """List the changes, the newest first.

    Example: modelport audit list --action account:key:created --since 2026-11-01
    """
    from registry.database import reading, require_schema
    from registry.trail import entries

    moment, limit = _moment(since), last + 1
    _refuse_unknown(action)
    require_schema()
    with reading() as opened:
        found = entries(opened, since=moment, actor=actor, action=action, target=target, before=before, limit=limit)
    print_rows([_row(entry, output) for entry in found[:last]], COLUMNS, output, none="Nothing was changed.")
    if len(found) > last:
        say(f"There are more: --before {found[last - 1].seq}")


def _row(entry: "AuditEntry", output: Format) -> dict[str, Any]:
    from services.audit_trail import row

    return row(entry) if output is Format.JSON else {column: getattr(entry, column) for column in COLUMNS}


def _moment(since: str | None) -> datetime | None:
    try:
        moment = None if since is None else datetime.fromisoformat(since)
    except ValueError:
        raise typer.BadParameter(f"{since!r} is no date", param_hint="'--since'") from None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _refuse_unknown(action: str | None) -> None:
    from registry.audit import Action

    if action is not None and action not in set(Action):
        names = ", ".join(Action)
        raise typer.BadParameter(f"{action!r} is none of {names}", param_hint="'--action'")


@app.command()
def verify() -> None:
    """Check that no entry was edited, removed, added or moved; exit code 1 when one was.

    Example: modelport audit verify
    """
    from registry.database import reading, require_schema
    from registry.trail import head
    from registry.trail import verify as problems_of

    require_schema()
    found = 0
    with reading() as opened:
        for problem in problems_of(opened, progress=lambda count: say(f"{count} entries …")):
            typer.echo(str(problem))
            found += 1
        end = head(opened)
    if found or end is None:
        say(f"The chain does not hold: {found} {'problem' if found == 1 else 'problems'}.")
        raise typer.Exit(1)
    typer.echo(f"{end.entries} entries, the chain holds, head {end.hash or '-'}")
