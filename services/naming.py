"""What an endpoint may be called: a name that BentoML takes as a tag and nobody takes for an id."""

import re
from pathlib import Path

from registry.errors import ExportError

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")


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


def name_from(path: Path, is_service: bool) -> str:
    """The name that a file or folder suggests: its own, in lower case, other characters as `-`."""
    stem = path.resolve().name if is_service or path.is_dir() else path.stem
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")
