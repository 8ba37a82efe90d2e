"""Spans of time as an option's value."""

from datetime import timedelta

import typer


def duration(text: str, option: str) -> timedelta:
    """The span; wrong usage of that option when the text is none."""
    from services.duration import parse

    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=f"'{option}'") from None
