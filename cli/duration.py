"""Spans of time as a user writes them: 24h, 30m, 7d, or 0."""

import re
from datetime import timedelta

import typer

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def duration(text: str, option: str) -> timedelta:
    """The span; wrong usage of that option when the text is none."""
    found = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if text == "0":
        return timedelta()
    if found is None:
        raise typer.BadParameter(f"{text!r} is no span of time such as 24h, 30m or 7d", param_hint=f"'{option}'")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
