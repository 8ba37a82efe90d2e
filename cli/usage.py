"""A command line that can't be understood: one line that says why, and whose help to read."""

from collections.abc import Sequence
from typing import Any

import typer

from cli.output import say

HELP = "--help"


def refuse(error: typer.TyperException, app: typer.Typer, words: Sequence[str]) -> int:
    """Print what is wrong with the words after `modelport`; the exit code. A bare group has printed its help already."""
    wrong = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".?")
    if wrong:
        say(f"modelport: {wrong}; see `{' '.join(['modelport', *_command(app, words), HELP])}`")
    return error.exit_code


def _command(app: typer.Typer, words: Sequence[str]) -> list[str]:
    """The words that name a command; Typer's error does not always know which one it is about."""
    from typer.main import get_command

    here: Any = get_command(app)
    found: list[str] = []
    for word in words:
        here = getattr(here, "commands", {}).get(word)
        if here is None:
            break
        found.append(word)
    return found
