"""What signed-in people do with their own account, and how the first admin comes to one; all of it waits for the registry."""

from sqlmodel import col

from registry import bootstrap, login_attempts, sessions, users
from registry.accounts import User
from registry.clock import now
from registry.database import reading, session
from registry.errors import Conflict, Forbidden, NotFound
from registry.pages import Page, page
from registry.sessions import UserSession
from registry.usernames import check_username
from services.security.bearer import Identity
from services.security.password_rules import check_password
from services.security.passwords import hash_password, verify_password
from services.sign_in import Client, begin
from services.signed_in import changing, looking

_SORTED = {"created_at": col(UserSession.created_at), "last_used": col(UserSession.last_used)}


def profile(who: Identity) -> User:
    """Their row."""
    with looking(who) as (_, own):
        return own.user


def own_sessions(
    who: Identity, *, sort: str = "-created_at", limit: int = 50, cursor: str | None = None
) -> Page[UserSession]:
    """A page of the sessions in which they are signed in."""
    with looking(who) as (opened, own):
        chosen = sessions.select_sessions(own.user, now())
        return page(opened, chosen, _SORTED, id=col(UserSession.id), sort=sort, limit=limit, cursor=cursor)


def sign_out(who: Identity, sid: str | None = None) -> None:
    """End one of their sessions, by default the one in which they ask; NotFound for another's."""
    with changing(who) as (opened, own):
        ended = own.session if sid is None else sessions.find_session(opened, own.user, sid, now())
        if ended is None:
            raise NotFound("You have no such session.")
        sessions.close_session(opened, ended, actor=own.actor, now=now())


def sign_out_everywhere(who: Identity) -> int:
    """End all of their sessions; how many there were."""
    with changing(who) as (opened, own):
        return sessions.close_all(opened, own.user, actor=own.actor, now=now())


def change_password(who: Identity, current: str, new: str, client: Client) -> None:
    """Set a new password and end the other sessions; an attempt at the current one counts as one to sign in.

    InvalidInput for a new one that won't do, Forbidden for a wrong current one (not 401: the token is valid), Conflict
    if it was changed in the meantime.
    """
    user = profile(who)
    check_password(new, user.username)
    attempt = begin(user.username, client)
    fits, _ = verify_password(attempt.password_hash, current)
    if not fits or not attempt.is_active:
        raise Forbidden("The current password is wrong.")
    password_hash = hash_password(new)
    with changing(who) as (opened, own):
        if own.user.password_hash != attempt.password_hash:
            raise Conflict("The password was changed in the meantime.")
        users.set_password_hash(opened, own.user, password_hash, actor=own.actor, keep=own.session)
        login_attempts.succeed(opened, attempt.row)


def first_admin(token: str, username: str, password: str) -> User:
    """Make the first admin; Unauthenticated for a token that is wrong, used, or no longer needed, before any hashing."""
    with reading() as opened:
        bootstrap.check(opened, token)
    check_password(password, check_username(username))
    password_hash = hash_password(password)
    with session() as opened:
        return bootstrap.redeem(opened, token, username, password_hash)
