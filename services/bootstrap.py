"""Offers the first admin's token: the one place where its text exists, between minting and printing."""

from registry import bootstrap
from registry.database import session


def offer() -> str | None:
    """A token that makes the first admin within 15 minutes, to be printed; None when an admin can sign in already."""
    with session() as opened:
        return bootstrap.offer(opened)
