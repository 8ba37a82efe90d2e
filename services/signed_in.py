"""One transaction of a signed-in user. The worker that let them in may not have heard yet that their session has ended,
or that their role was lowered: here the registry itself is asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlmodel import Session

from registry import sessions
from registry.accounts import User
from registry.clock import now
from registry.database import exclusive, reading, session
from registry.sessions import UserSession
from services.security.bearer import Identity
from services.security.permissions import Permission, require
from services.security.tokens import refuse


class Own(NamedTuple):
    """A user and the session in which they ask."""

    user: User
    session: UserSession

    @property
    def actor(self) -> str:
        """Their name in the audit."""
        return f"user:{self.user.username}"


@contextmanager
def changing(who: Identity, permission: Permission | None = None) -> Iterator[tuple[Session, Own]]:
    """A transaction that writes; Unauthenticated if user or session have ended meanwhile, Forbidden for their role."""
    with session() as opened:
        exclusive(opened)
        yield opened, check(opened, who, permission)


@contextmanager
def looking(who: Identity, permission: Permission | None = None) -> Iterator[tuple[Session, Own]]:
    """The same, and nothing is written."""
    with reading() as opened:
        yield opened, check(opened, who, permission)


def check(opened: Session, who: Identity, permission: Permission | None) -> Own:
    """Who they are in this transaction; Unauthenticated or Forbidden as `changing` has it."""
    user = opened.get(User, who.user.id)
    mine = sessions.find_session(opened, user, who.claims.sid, now()) if user is not None and user.is_active else None
    if user is None or mine is None:
        refuse()
    if permission is not None:
        require(user.role, permission)
    return Own(user, mine)
