"""What an endpoint and its classes may be called: a tag that BentoML takes and nobody takes for an id; no name twice.
And what a client's file is called, wherever that is shown.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from registry.errors import ExportError

# The platform's own addresses, and all below them.
PLATFORM = (
    *("/auth", "/models", "/keys", "/predictions", "/admin", "/api/export", "/api/exports", "/health", "/ping"),
    *(
        "/api/jobs",
        "/metrics",
        "/livez",
        "/readyz",
        "/healthz",
        "/docs",
        "/docs.json",
        "/openapi.json",
        "/schema.json",
        "/dashboard",
    ),
)
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")


def is_platforms(path: str) -> bool:
    """Whether the platform itself answers there, or may in a later version."""
    return path == "/" or any(path == own or path.startswith(f"{own}/") for own in PLATFORM)


def check_name(name: str) -> str:
    """The name itself; ExportError says what is wrong with it."""
    if not _NAME.fullmatch(name):
        raise ExportError(
            f"{name!r} can't be an endpoint's name: up to 63 of a-z, 0-9, `.`, `_`, `-`, "
            "beginning and ending with a letter or digit; choose another with `--name`"
        )
    if name.isdigit():
        raise ExportError(f"{name!r} can't be an endpoint's name: only digits would be taken for an id")
    return name


def check_classes(names: Sequence[str] | None) -> None:
    """ExportError when a list of class names is empty or has a name twice, so that an answer would be ambiguous."""
    if names is None:
        return
    if not names or not all(names):
        raise ExportError("`--classes` holds an empty name: give A,B,… or a file with one name on each line")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ExportError(f"`--classes` gives the name {twice[0]!r} twice")


def name_from(path: Path, is_service: bool) -> str:
    """The name that a file or folder suggests: its own, in lower case, other characters as `-`."""
    stem = path.resolve().name if is_service or path.is_dir() else path.stem
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")


def shown(name: str, otherwise: str) -> str:
    """A client's file name as it may be shown anywhere: its last part, of letters, digits and a few signs."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    return re.sub(r"[^\w.() -]", "_", last)[:100].strip(". ") or otherwise
