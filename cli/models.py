"""`modelport export|list|show|activate|deactivate|delete`: models and the endpoints that serve them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cli.output import Format, confirm, print_fields, print_json, print_table, say

if TYPE_CHECKING:
    from registry.catalog import Endpoint, EndpointStatus
    from services.exporting import Exported

ENDPOINT = typer.Argument(metavar="NAME", help="The endpoint's name or id.")
OUTPUT = typer.Option(Format.TABLE, "--output", "-o", help="What to print.")
COLUMNS = (
    "endpoint", "status", "model", "version", "framework", "runtime", "bento",
    "created_at", "last_used_at", "total_requests",
)  # fmt: skip


def export(
    model: Path = typer.Argument(
        metavar="MODEL", help="A model file, a SavedModel folder, or a folder with a bentofile.yaml."
    ),
    name: str | None = typer.Option(None, "--name", help="The endpoint's name; by default the file's."),
    sample: Path | None = typer.Option(None, "--sample", help="A few rows: .csv, .json, .parquet, .npy or .npz."),
    classes: str | None = typer.Option(None, "--classes", help="Class names: A,B,… or a file with one on each line."),
    rate_limit: str | None = typer.Option(None, "--rate-limit", help='Calls a key may make, such as "100/minute".'),
    allow_pickle: bool = typer.Option(False, "--allow-pickle", help="Load a pickle: that runs the code inside it."),
    output: Format = OUTPUT,
) -> None:
    """Make a REST API of a trained model: endpoint, typed schema, Bento and first key.

    Example: modelport export churn.joblib --sample rows.csv
    """
    from services.exporting import Request
    from services.exporting import export as export_model

    _permit_pickle(model, allow_pickle)
    request = Request(model, name, sample, _class_names(classes), rate_limit)
    exported = export_model(request, progress=lambda step: say(f"{step} …"))
    for remark in exported.remarks:
        say(f"Note: {remark}")
    _print_exported(exported, output)


def _permit_pickle(model: Path, allowed: bool) -> None:
    from registry.errors import ExportError
    from services.inference.runtimes import PICKLES

    if model.suffix.lower() not in PICKLES or not model.is_file():
        return
    say(f"{model.name} is a pickle: loading it runs whatever code is inside. Load only files you trust.")
    if allowed:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ExportError("say `--allow-pickle` to load it; .skops files need no such trust")
    confirm("Load it?")


def _class_names(given: str | None) -> list[str] | None:
    if given is None:
        return None
    return [name.strip() for name in (_lines_of(given) or given.split(","))]


def _lines_of(given: str) -> list[str] | None:
    """The lines of the file of that name, or None if there is none; the names themselves may be too long for a path."""
    from registry.errors import ExportError

    try:
        text = Path(given).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ExportError(f"{given}: class names are text, one on each line") from None
    except (OSError, ValueError):
        return None
    return [line for line in text.splitlines() if line.strip()]


def _print_exported(exported: "Exported", output: Format) -> None:
    endpoint, key = exported.endpoint, exported.api_key
    if output is Format.JSON:
        print_json(exported_object(exported))
        return
    print_fields({"endpoint": endpoint.name, "url": url_of(endpoint), "api_key": key, "bento": endpoint.bento})
    if key:
        say("The key is shown this once. `modelport serve` starts the server.")
    else:
        say("No new key: the endpoint's keys stay as they are; `modelport keys create` makes another.")


def exported_object(exported: "Exported") -> dict[str, Any]:
    """What `export -o json` prints."""
    endpoint, model = exported.endpoint, exported.endpoint.model
    return {
        "endpoint": endpoint.name,
        "url": url_of(endpoint),
        "api_key": exported.api_key,
        "model": {
            "name": model.name,
            "version": str(model.version),
            "framework": model.framework,
            "sha256": model.sha256,
        },
        "bento": endpoint.bento,
        "runtime": model.runtime,
        "signature": model.signature,
    }


def url_of(endpoint: "Endpoint") -> str:
    """Where the hub answers for the endpoint."""
    from registry.settings import settings

    return f"http://{settings().host}:{settings().port}{endpoint.path}"


def list_endpoints(output: Format = OUTPUT) -> None:
    """List the endpoints.

    Example: modelport list -o json
    """
    from registry.catalog import endpoints
    from registry.database import reading, registry_exists, require_schema

    rows: list[dict[str, Any]] = []
    if registry_exists():
        require_schema()
        with reading() as session:
            rows = [_row(endpoint) for endpoint in endpoints(session)]
    if output is Format.JSON:
        print_json(rows)
    elif rows:
        print_table(rows, COLUMNS)
    else:
        say("No endpoints yet: `modelport export MODEL` makes one.")


def _row(endpoint: "Endpoint") -> dict[str, Any]:
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


def show(name: str = ENDPOINT, output: Format = OUTPUT) -> None:
    """Show one endpoint: where it answers, its model, its columns and its limit.

    Example: modelport show churn
    """
    from registry.database import reading
    from registry.settings import settings

    with reading() as session:
        endpoint = existing(session, name)
    details = {
        **_row(endpoint),
        "url": url_of(endpoint),
        "status_reason": endpoint.status_reason,
        "rate_limit": endpoint.rate_limit or settings().rate_limit,
        "sha256": endpoint.model.sha256,
        "signature": endpoint.model.signature,
        "report": endpoint.model.report,
    }
    if output is Format.JSON:
        print_json(details)
        return
    print_fields({name: value for name, value in details.items() if name not in ("signature", "report")})
    inputs = endpoint.model.signature.get("inputs", [])
    if inputs:
        typer.echo()
        print_table(inputs, ("name", "dtype", "shape", "nullable", "categories"))


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
