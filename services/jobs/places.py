"""Keeps the server's folders out of what a job says: whoever asked for it may be anywhere."""

from registry.settings import settings
from services.packaging import stores


def without_places(line: str) -> str:
    """The line with `…` for the platform's home and for the folder of BentoML's stores."""
    for place in sorted((str(settings().home), str(stores.folder())), key=len, reverse=True):
        line = line.replace(place, "…")
    return line
