"""Says in one sentence what pydantic found wrong with a body, without echoing the values that were sent."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from registry.errors import InvalidInput

_MOST = 10  # problems named in one answer; more help nobody
_LONGEST = 300  # characters of one problem: a column may have thousands of categories


def explain(error: ValidationError, where: tuple[str | int, ...] = ()) -> InvalidInput:
    """The InvalidInput that a failed validation becomes; `where` is the place of the validated value in the body."""
    return refusal(error.errors(include_url=False, include_input=False, include_context=False), where)


def refusal(errors: Sequence[ErrorDetails], where: tuple[str | int, ...] = ()) -> InvalidInput:
    """The same from pydantic's list of errors."""
    missing = [_name(e) for e in errors if e["type"] == "missing"]
    unknown = [_name(e) for e in errors if e["type"] == "extra_forbidden"]
    details: dict[str, Any] = {}
    if missing:
        details["missing_fields"] = missing[:_MOST]
    if unknown:
        details["unknown_fields"] = unknown[:_MOST]
    others = [e for e in errors if e["type"] not in ("missing", "extra_forbidden")]
    if others:
        details["errors"] = [{"field": place(where + e["loc"]), "problem": _problem(e)} for e in others[:_MOST]]
    return InvalidInput(_message(missing, unknown, others, where), details=details)


def _message(missing: list[str], unknown: list[str], others: list[ErrorDetails], where: tuple[str | int, ...]) -> str:
    at = f" in {place(where)}" if where else ""
    if missing:
        return f"Missing required field{_plural(missing)}: {', '.join(missing[:_MOST])}{at}"
    if unknown:
        return f"Unknown field{_plural(unknown)}: {', '.join(unknown[:_MOST])}{at}"
    spot = place(where + others[0]["loc"])
    return f"{spot}: {_problem(others[0])}" if spot else _problem(others[0])


def _problem(error: ErrorDetails) -> str:
    text = error["msg"]
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _plural(names: list[str]) -> str:
    return "s" if len(names) > 1 else ""


def _name(error: ErrorDetails) -> str:
    return place(error["loc"])


def place(loc: tuple[str | int, ...]) -> str:
    """`("instances", 2, "age")` as `instances[2].age`; a name sent by the client is cut at 64 characters."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:64]}" if text else part[:64]
    return text
