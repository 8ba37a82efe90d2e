"""`modelport list`: every endpoint in a line."""

from cli.output import OUTPUT, Format, print_rows

COLUMNS = (
    "endpoint", "status", "model", "version", "framework", "runtime", "bento",
    "created_at", "last_used_at", "total_requests",
)  # fmt: skip


def list_endpoints(output: Format = OUTPUT) -> None:
    """List the endpoints.

    Example: modelport list -o json
    """
    from registry.listing import lines

    rows = [line._asdict() for line in lines()]
    print_rows(rows, COLUMNS, output, none="No endpoints yet: `modelport export MODEL` makes one.")
