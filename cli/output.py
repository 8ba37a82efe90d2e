"""How commands print: data to stdout, prose to stderr, tables for people and JSON for programs."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import typer


class Format(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    JSON = "json"


OUTPUT = typer.Option(Format.TABLE, "--output", "-o", help="What to print.")


def say(text: str) -> None:
    """A line of prose, on stderr."""
    typer.echo(text, err=True)


def confirm(question: str) -> None:
    """Go on only after a `y`; the question stands on stderr (Typer's own puts a part of it on stdout)."""
    typer.echo(f"{question} [y/N]: ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        say("")
    if answer.strip().lower() not in ("y", "yes"):
        raise typer.Abort


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, indent=2, default=_plain))


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """An aligned table on stdout: as wide as its content, so that it can be searched and cut."""
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(text) for text in texts) for texts in zip(columns, *cells, strict=True)]
    header = "  ".join(column.upper().ljust(width) for column, width in zip(columns, widths, strict=True)).rstrip()
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    # In one piece: Typer flushes each time.
    typer.echo("\n".join([typer.style(header, bold=True) if colours() else header, *lines]))


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], output: Format, *, none: str) -> None:
    """A list as it was asked for: a JSON array, or a table; where that would be empty, a line of prose instead."""
    if output is Format.JSON:
        print_json(rows)
    elif rows:
        print_table(rows, columns)
    else:
        say(none)


def print_fields(fields: Mapping[str, Any]) -> None:
    """One thing's fields, a line each."""
    width = max(len(name) for name in fields)
    for name, value in fields.items():
        typer.echo(f"{name.ljust(width)}  {_cell(value)}")


def colours() -> bool:
    """Whether stdout is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def failure(error: Exception) -> int:
    """Print what went wrong in one line; the exit code. MODELPORT_DEBUG shows where, unless it is the operator's to mend."""
    from registry.errors import SettingsError

    if not isinstance(error, SettingsError) and os.environ.get("MODELPORT_DEBUG", "").lower() in (
        "1",
        "true",
        "yes",
        "on",
    ):
        raise error
    say(f"modelport: {_printable(_line_of(error))}")
    return 1


def _line_of(error: Exception) -> str:
    import sqlite3

    from sqlalchemy.exc import SQLAlchemyError

    from registry.errors import PlatformError

    if isinstance(error, (SQLAlchemyError, sqlite3.Error)):
        error = _of_database(error)
    if isinstance(error, PlatformError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror.lower()
    text = next(iter(str(error).splitlines()), "")
    return f"internal error, please report it: {type(error).__name__}: {text}"


def _of_database(error: Exception) -> Exception:
    from registry.errors import PlatformError
    from registry.failures import plainly
    from registry.settings import settings

    try:
        with plainly(settings().url):
            raise error
    except PlatformError as plain:
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return _printable(str(value))


def _printable(text: str) -> str:
    """What a user named may hold line ends, or codes that would steer the terminal."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)
