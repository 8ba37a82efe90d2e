"""Who is signed in: a session for each sign-in, kept alive by refresh tokens that work once each.

A refresh token's successor is derived from it (HMAC-SHA256 under a key of the platform), so that a client whose answer
got lost is given the same one again although only hashes are stored. A token that comes back later than that was copied
by somebody: its session ends (RFC 9700, section 4.14.2). Decision 10 says more.
"""

import base64
import hmac
import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import UniqueConstraint, delete
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from registry import audit
from registry.accounts import User
from registry.audit import Action
from registry.columns import BigId, UtcDateTime
from registry.database import exclusive
from registry.settings import settings

GRACE = timedelta(seconds=10)  # in which a used token is answered again, as long as its successor is unused
_PREFIX = "mpr_"
PATTERN = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")  # for secret scanners too
_LONGEST_NOTE = 256  # characters of what a client says of itself


class UserSession(SQLModel, table=True):
    """One sign-in of a user."""

    __tablename__ = "user_sessions"
    # Servers hold sessions by id: a new one must not be taken for one that was deleted.
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    sid: str = Field(max_length=22, unique=True, index=True, description="Its public name: 128 random bits.")
    user_id: int = Field(foreign_key="users.id", ondelete="CASCADE", index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_used: datetime = Field(sa_type=UtcDateTime, description="Sign-in or last refresh.")
    expires_at: datetime = Field(sa_type=UtcDateTime, description="Its end however much it is used.")
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ip_address: str
    user_agent: str

    def is_live(self, now: datetime) -> bool:
        """Whether it can still be refreshed."""
        idle = timedelta(days=settings().session_idle_days)
        return self.revoked_at is None and now < min(self.expires_at, self.last_used + idle)


class RefreshToken(SQLModel, table=True):
    """One link in a session's chain. Rows are only added: a token was used when the next one was made."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (UniqueConstraint("session_id", "generation", name="uq_refresh_tokens_session_id_generation"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    session_id: int = Field(foreign_key="user_sessions.id", ondelete="CASCADE", sa_type=BigId)
    generation: int = Field(description="Its place in the chain: the parent of 2 is 1.")
    token_hash: str = Field(unique=True, index=True, description="HMAC-SHA256 of the token, in hex.")
    created_at: datetime = Field(sa_type=UtcDateTime)


def open_session(session: Session, user: User, address: str, user_agent: str, now: datetime) -> tuple[UserSession, str]:
    """Sign a user in: the new session and the text of its first refresh token, which is stored nowhere."""
    assert user.id is not None
    exclusive(session)
    outlived = col(UserSession.user_id) == user.id, col(UserSession.expires_at) <= now
    session.execute(delete(UserSession).where(*outlived).execution_options(synchronize_session=False))
    opened = UserSession(
        sid=secrets.token_urlsafe(16),
        user_id=user.id,
        created_at=now,
        last_used=now,
        expires_at=now + timedelta(days=settings().session_days),
        ip_address=_printable(address),
        user_agent=_printable(user_agent),
    )
    user.last_login = now
    session.add_all([opened, user])
    session.flush()
    text = _text(secrets.token_bytes(32))
    _add_token(session, opened, 1, text, now)
    audit.record(
        session,
        actor=f"user:{user.username}",
        action=Action.SESSION_OPENED,
        target=f"session:{opened.sid}",
        detail={"user": user.username, "address": opened.ip_address},
    )
    return opened, text


def refresh(session: Session, text: str, now: datetime) -> tuple[UserSession, str] | None:
    """Exchange a refresh token for its successor; None if that is refused.

    A refusal is no exception, for it may have ended the session: commit it all the same.
    """
    if not PATTERN.fullmatch(text):
        return None
    exclusive(session)  # before anything is read: two uses of one token must not both be the first
    found = session.exec(
        select(RefreshToken, UserSession, User)
        .where(RefreshToken.token_hash == _hash(text), RefreshToken.session_id == UserSession.id)
        .where(UserSession.user_id == User.id)
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        return None
    token, opened, user = found
    if not (opened.is_live(now) and user.is_active):
        return None
    newest = _newest_token(session, opened)
    if token.generation == newest.generation:
        opened.last_used = now
        session.add(opened)
        _add_token(session, opened, token.generation + 1, _successor(text), now)
    elif token.generation < newest.generation - 1 or now - newest.created_at > GRACE:
        _end(
            session, opened, Action.SESSION_REVOKED, "server", now, {"user": user.username, "reused": token.generation}
        )
        return None
    return opened, _successor(text)


def close_session(session: Session, opened: UserSession, *, actor: str, now: datetime) -> None:
    """End a session at once; closing it again changes nothing."""
    exclusive(session)
    row = session.get(UserSession, opened.id, populate_existing=True)
    if row is not None and row.revoked_at is None:
        _end(session, row, Action.SESSION_CLOSED, actor, now, {})


def close_all(session: Session, user: User, *, actor: str, now: datetime, keep: UserSession | None = None) -> int:
    """End every session of a user at once, but for one to keep; how many were ended."""
    exclusive(session)
    live = [opened for opened in sessions_of(session, user, now) if keep is None or opened.id != keep.id]
    for opened in live:
        _end(session, opened, Action.SESSION_CLOSED, actor, now, {"user": user.username})
    return len(live)


def sessions_of(session: Session, user: User, now: datetime) -> list[UserSession]:
    """The sessions in which a user is signed in, newest first."""
    newest_first = select_sessions(user, now).order_by(col(UserSession.id).desc())
    return list(session.exec(newest_first.execution_options(populate_existing=True)))


def select_sessions(user: User, now: datetime) -> SelectOfScalar[UserSession]:
    """A statement for the sessions in which a user is signed in: those that are live (`UserSession.is_live`)."""
    idle = timedelta(days=settings().session_idle_days)
    of_user = select(UserSession).where(UserSession.user_id == user.id, col(UserSession.revoked_at).is_(None))
    return of_user.where(col(UserSession.expires_at) > now, col(UserSession.last_used) > now - idle)


def find_session(session: Session, user: User, sid: str, now: datetime) -> UserSession | None:
    """That user's live session of that name; another user's is not found."""
    of_name = select(UserSession).where(UserSession.sid == sid, UserSession.user_id == user.id)
    found = session.exec(of_name.execution_options(populate_existing=True)).first()
    return found if found is not None and found.is_live(now) else None


def _end(
    session: Session, opened: UserSession, action: Action, actor: str, now: datetime, detail: dict[str, str | int]
) -> None:
    opened.revoked_at = now
    session.add(opened)
    session.flush()
    audit.record(session, actor=actor, action=action, target=f"session:{opened.sid}", detail=detail)


def _add_token(session: Session, opened: UserSession, generation: int, text: str, now: datetime) -> None:
    assert opened.id is not None
    session.add(RefreshToken(session_id=opened.id, generation=generation, token_hash=_hash(text), created_at=now))
    session.flush()


def _newest_token(session: Session, opened: UserSession) -> RefreshToken:
    """The one token of a session that wasn't used yet."""
    of_session = select(RefreshToken).where(RefreshToken.session_id == opened.id)
    return session.exec(of_session.order_by(col(RefreshToken.generation).desc()).limit(1)).one()


def _successor(text: str) -> str:
    return _text(hmac.digest(settings().derived_key("refresh successor"), text.encode(), sha256))


def _hash(text: str) -> str:
    return hmac.digest(settings().derived_key("refresh token"), text.encode(), sha256).hex()


def _text(secret: bytes) -> str:
    return _PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _printable(note: str) -> str:
    """What a client says of itself, as a database and a page can hold it."""
    return "".join(sign if sign.isprintable() else "?" for sign in note[:_LONGEST_NOTE])
