"""Spans of time as people write them: 24h, 30m, 7d, or 0."""

import re
from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse(text: str) -> timedelta:
    """The span; ValueError when the text is none."""
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if text == "0":
        return timedelta()
    if found is None:
        raise ValueError(f"{text!r} is no span of time such as 24h, 30m or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
