"""`modelport show`: one endpoint in full."""

from collections.abc import Mapping
from typing import Any

import typer

from cli.endpoints import ENDPOINT, existing
from cli.output import OUTPUT, Format, print_fields, print_json, print_table


def show(name: str = ENDPOINT, output: Format = OUTPUT) -> None:
    """Show one endpoint: where it answers, its model, its columns, its limit, and why which runtime serves it.

    Example: modelport show churn
    """
    from registry.database import reading
    from services.exports import details

    with reading() as session:
        endpoint = existing(session, name)
    known = details(endpoint)
    if output is Format.JSON:
        print_json(known)
        return
    report = endpoint.model.report
    shown = {name: value for name, value in known.items() if name not in ("signature", "report")}
    print_fields(shown | proof_fields(report))
    if report.get("timings"):
        typer.echo()
        print_table(*timing_table(report["timings"]))
    inputs = endpoint.model.signature.get("inputs", [])
    if inputs:
        typer.echo()
        print_table(inputs, ("name", "dtype", "shape", "nullable", "categories"))


def proof_fields(report: Mapping[str, Any]) -> dict[str, str]:
    """What the export proved of the compiled model, and why it doesn't serve, if it doesn't."""
    fields = {}
    if proof := report.get("proof"):
        fields["proof"] = (
            f"{proof['rows']} rows, the same labels, numbers within {proof['max_difference']:.1g} "
            f"(allowed {proof['tolerance']:.1g}), in {proof['precision']}"
        )
    if reason := report.get("reason"):
        fields["not_compiled"] = str(reason)
    return fields


def timing_table(timings: Mapping[str, Mapping[str, float]]) -> tuple[list[dict[str, str]], list[str]]:
    """Milliseconds a call, a line for each runtime and a column for each number of rows, for `print_table`."""
    sizes = sorted({size for times in timings.values() for size in times}, key=int)
    named = {size: f"{size} row{'s' if size != '1' else ''}" for size in sizes}
    rows = [
        {"runtime": name} | {named[size]: f"{times[size] * 1000:.3g} ms" if size in times else "-" for size in sizes}
        for name, times in sorted(timings.items())
    ]
    return rows, ["runtime", *named.values()]
