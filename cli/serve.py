"""`modelport serve`: the hub with every active endpoint, on this machine."""

import os
import sys

import typer

from cli.output import say


def serve(
    host: str | None = typer.Option(None, "--host", help="Address to listen on; by default 127.0.0.1."),
    port: int | None = typer.Option(None, "--port", min=1, max=65535, help="Port to listen on; by default 3000."),
    workers: int | None = typer.Option(None, "--workers", min=1, help="Worker processes; by default 1."),
) -> None:
    """Serve every active endpoint.

    Example: modelport serve --port 3000 --workers 2
    """
    from registry.database import require_schema, upgrade
    from registry.errors import SettingsError
    from registry.settings import settings
    from registry.values import debugging
    from services.bootstrap import offer
    from services.hub import command, environment
    from services.startup import check_settings

    chosen = settings()
    host, port, workers = host or chosen.host, port or chosen.port, workers or chosen.workers
    check_settings()
    try:
        debugging(chosen.debug, host)
    except ValueError as error:
        raise SettingsError(f"MODELPORT_DEBUG: {error}") from None
    if chosen.embedded:
        upgrade()
    require_schema()
    refuse_taken(host, port)
    say(f"Serving on http://{host}:{port} (Ctrl-C stops it); the API is described at http://{host}:{port}/docs")
    token = offer()
    if token is not None:
        say(
            f"No admin can sign in yet: POST /auth/bootstrap makes the first one, within 15 minutes, by the token {token}"
        )
    sys.stdout.flush()
    os.execve(sys.executable, command(host, port), environment(host, port, workers))


def refuse_taken(host: str, port: int) -> None:
    """SettingsError when the address can't be listened on."""
    import socket

    from registry.errors import SettingsError

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise SettingsError(
                f"can't listen on {host}:{port} ({reason.lower()}); choose another with --port"
            ) from None
