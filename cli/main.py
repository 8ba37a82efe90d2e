"""The command line's entry point: commands by noun, one place where every failure becomes one line and an exit code."""

import os
import signal
import sys

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import typer

from cli import audit, containerize, database, delete, demo, doctor, export, keys, serve, show, status, users
from cli import list as listing
from cli.output import failure, say
from cli.usage import refuse

INTERRUPTED = 130  # what Typer makes of Ctrl-C

app = typer.Typer(
    name="modelport",
    help="Turn a trained model file into a secured, typed, monitored REST API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("export")(export.export)
app.command("list")(listing.list_endpoints)
app.command("show")(show.show)
app.command("activate")(status.activate)
app.command("deactivate")(status.deactivate)
app.command("delete")(delete.delete)
app.command("serve")(serve.serve)
app.command("containerize")(containerize.containerize)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(keys.app, name="keys", help="API keys: create, list, show, rotate, revoke.")
app.add_typer(users.app, name="users", help="Users: create, list, disable, enable, role, passwd.")
app.add_typer(audit.app, name="audit", help="Who changed what: list, verify.")
app.add_typer(database.app, name="db", help="The registry's database.")


def version(value: bool) -> None:
    """Print the version and end."""
    if value:
        from services import __version__

        typer.echo(f"modelport {__version__}")
        raise typer.Exit


@app.callback()
def root(
    show_version: bool = typer.Option(False, "--version", callback=version, is_eager=True, help="Print the version."),
) -> None:
    """Turn a trained model file into a secured, typed, monitored REST API."""


def main() -> None:
    """Run the command; a failure of ours is one line on stderr and exit code 1, one of usage the same with 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is under way is undone, as after Ctrl-C
    try:
        code = app(prog_name="modelport", standalone_mode=False) or 0
    except typer.Abort:
        say("modelport: aborted")
        code = 1
    except typer.TyperException as error:
        code = refuse(error, app, sys.argv[1:])
    except Exception as error:
        code = failure(error)
    if code == INTERRUPTED:
        say("modelport: interrupted")
    sys.exit(code)


if __name__ == "__main__":
    main()
