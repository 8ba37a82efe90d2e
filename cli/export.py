"""`modelport export`: a model file or a service's folder becomes an endpoint with its first key."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from cli.endpoints import url_of
from cli.output import OUTPUT, Format, confirm, print_fields, print_json, say

if TYPE_CHECKING:
    from registry.catalog import Endpoint


def export(
    model: Path = typer.Argument(
        metavar="MODEL", help="A model file, a SavedModel folder, or a folder with a bentofile.yaml."
    ),
    name: str | None = typer.Option(None, "--name", help="The endpoint's name; by default the file's."),
    sample: Path | None = typer.Option(None, "--sample", help="A few rows: .csv, .json, .parquet, .npy or .npz."),
    classes: str | None = typer.Option(None, "--classes", help="Class names: A,B,… or a file with one on each line."),
    input: Literal["image"] | None = typer.Option(
        None, "--input", help="`image`: calls send a JPEG, PNG or WebP file as the form field `file`."
    ),
    pixels: Literal["0..255", "0..1", "-1..1"] | None = typer.Option(
        None, "--pixels", help="What the images were scaled to in training; by default found out, and said."
    ),
    rate_limit: str | None = typer.Option(None, "--rate-limit", help='Calls a key may make, such as "100/minute".'),
    allow_pickle: bool = typer.Option(False, "--allow-pickle", help="Load a pickle: that runs the code inside it."),
    no_compile: bool = typer.Option(
        False, "--no-compile", help="Serve with the model's own framework, never with ONNX."
    ),
    output: Format = OUTPUT,
) -> None:
    """Make a REST API of a trained model: endpoint, typed schema, Bento and first key.

    Example: modelport export churn.joblib --sample rows.csv
    """
    from services.exporting import Request
    from services.exporting import export as export_model
    from services.packaging.asker import Operator

    _permit_pickle(model, allow_pickle)
    names = _class_names(classes)
    request = Request(model, name, sample, names, input, pixels, rate_limit, compile=not no_compile)
    asker = Operator()
    exported = export_model(request, lambda step: say(f"{step} …"), asker)
    for remark in exported.remarks:
        say(f"Note: {remark}")
    _print_exported(exported.endpoint, asker.key.text if exported.is_new else None, output)


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


def _print_exported(endpoint: "Endpoint", key: str | None, output: Format) -> None:
    if output is Format.JSON:
        from services.packaging.written import exported_object

        print_json(exported_object(endpoint, key))
        return
    print_fields({"endpoint": endpoint.name, "url": url_of(endpoint), "api_key": key, "bento": endpoint.bento})
    if key:
        say("The key is shown this once. `modelport serve` starts the server.")
    else:
        say("No new key: the endpoint's keys stay as they are; `modelport keys create` makes another.")
