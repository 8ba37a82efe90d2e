"""`modelport containerize`: an endpoint becomes a container image."""

import typer

from cli.endpoints import ENDPOINT, existing
from cli.output import OUTPUT, Format, print_fields, print_json, say
from services.containers.backends import Backend


def containerize(
    name: str = ENDPOINT,
    backend: Backend | None = typer.Option(None, "--backend", help="What builds it; by default the first that works."),
    tag: str | None = typer.Option(None, "--tag", help="The image's name; by default NAME:VERSION of the Bento."),
    base: str | None = typer.Option(None, "--base", help="An image with Python to build on; by default Python's own."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Show everything that the builder says."),
    output: Format = OUTPUT,
) -> None:
    """Build a container image that serves one endpoint, and print the line that runs it.

    Example: modelport containerize churn
    """
    from registry.database import reading
    from services.containers.backends import choose
    from services.containers.building import check_tag
    from services.containers.building import containerize as build
    from services.containers.run_line import run_line

    with reading() as session:
        endpoint = existing(session, name)
    image_tag = check_tag(endpoint.bento if tag is None else tag)
    builder = choose(backend)
    image = build(endpoint, builder, image_tag, base, say, verbose)
    made = {"endpoint": endpoint.name, "bento": endpoint.bento, "image": image.tag, "size": image.size}
    line = run_line(builder, image.tag, endpoint.name)
    if output is Format.JSON:
        print_json({**made, "backend": builder.value, "run": line})
        return
    print_fields(made)
    say("It reads the endpoint's keys from the registry, and writes its log there. This runs it:")
    typer.echo(line)
