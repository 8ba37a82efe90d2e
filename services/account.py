"""What signed-in people do with their own account, and how the first admin comes to one; all of it waits for the registry.

The worker that let them in may not have heard yet that their session has ended: here the registry itself is asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlmodel import Session

from registry import bootstrap, login_attempts, sessions, users
from registry.accounts import User
from registry.clock import now
from registry.database import exclusive, reading, session
from registry.errors import Conflict, Forbidden, NotFound
from registry.sessions import UserSession
from registry.usernames import check_username
from services.security.bearer import Identity
from services.security.password_rules import check_password
from services.security.tokens import refuse
from services.sign_in import Attempt, Client, begin


class Own(NamedTuple):
    """A user and the session in which they ask."""

    user: User
    session: UserSession


@contextmanager
def changing(who: Identity) -> Iterator[tuple[Session, Own]]:
    """One transaction of a signed-in user; Unauthenticated if user or session have ended meanwhile."""
    with session() as opened:
        exclusive(opened)
        yield opened, _own(opened, who)


def profile(who: Identity) -> User:
    """Their row."""
    with reading() as opened:
        return _own(opened, who).user


def own_sessions(who: Identity) -> list[UserSession]:
    """The sessions in which they are signed in, newest first."""
    with reading() as opened:
        return sessions.sessions_of(opened, _own(opened, who).user, now())


def sign_out(who: Identity, sid: str | None = None) -> None:
    """End one of their sessions, by default the one in which they ask; NotFound for another's."""
    with changing(who) as (opened, own):
        ended = own.session if sid is None else sessions.find_session(opened, own.user, sid, now())
        if ended is None:
            raise NotFound("You have no such session.")
        sessions.close_session(opened, ended, actor=f"user:{own.user.username}", now=now())


def sign_out_everywhere(who: Identity) -> int:
    """End all of their sessions; how many there were."""
    with changing(who) as (opened, own):
        return sessions.close_all(opened, own.user, actor=f"user:{own.user.username}", now=now())


def begin_password_change(who: Identity, new_password: str, client: Client) -> Attempt:
    """Let an attempt at their current password go on, as at a sign-in; InvalidInput for a new one that won't do."""
    user = profile(who)
    check_password(new_password, user.username)
    return begin(user.username, client)


def refuse_wrong(attempt: Attempt, fits: bool) -> None:
    """Forbidden unless the current password was right; not 401, for the token is valid."""
    if not fits or not attempt.is_active:
        raise Forbidden("The current password is wrong.")


def change_password(who: Identity, attempt: Attempt, password_hash: str) -> None:
    """Set the new password and end the other sessions; Conflict if it was changed in the meantime."""
    with changing(who) as (opened, own):
        if own.user.password_hash != attempt.password_hash:
            raise Conflict("The password was changed in the meantime.")
        actor = f"user:{own.user.username}"
        users.set_password_hash(opened, own.user, password_hash, actor=actor, keep=own.session)
        login_attempts.succeed(opened, attempt.row)


def begin_bootstrap(token: str, username: str, password: str) -> None:
    """Refuse what can't make the first admin before anything is hashed: Unauthenticated or InvalidInput."""
    with reading() as opened:
        bootstrap.check(opened, token)
    check_password(password, check_username(username))


def first_admin(token: str, username: str, password_hash: str) -> User:
    """Make the first admin; Unauthenticated for a token that is wrong, used, or no longer needed."""
    with session() as opened:
        return bootstrap.redeem(opened, token, username, password_hash)


def _own(opened: Session, who: Identity) -> Own:
    user = opened.get(User, who.user.id)
    mine = sessions.find_session(opened, user, who.claims.sid, now()) if user is not None and user.is_active else None
    if user is None or mine is None:
        refuse()
    return Own(user, mine)
