"""Who is signed in, in a worker's memory: active users with their roles, and their sessions, by their public names."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from time import time

from sqlalchemy import func
from sqlmodel import Session, col

from registry import rows
from registry.accounts import Role, User
from registry.clock import now
from registry.sessions import UserSession

# A session that is heard of is held until then after its end, lest a token made just before be taken for news.
REMEMBERED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class UserEntry:
    """An active user as the request path needs it."""

    id: int
    role: Role


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session as the request path needs it."""

    id: int
    sid: str
    user_id: int
    not_after: float  # epoch seconds; of a session that was ended, when it was


class People:
    """Users and sessions of the registry; looking one up takes a dictionary each."""

    def __init__(self) -> None:
        self.users: dict[int, UserEntry] = {}
        self.sessions: dict[str, SessionEntry] = {}

    def load(self, session: Session) -> None:
        """Take in everybody who may be signed in."""
        lately = now() - timedelta(seconds=REMEMBERED_SECONDS)
        ends = func.coalesce(col(UserSession.revoked_at), col(UserSession.expires_at))
        self._put_users(rows.read(session, User), gone=None)
        self._put_sessions(rows.read_where(session, UserSession, ends > lately), gone=None)

    def follow(self, session: Session, users: set[int], sessions: set[int]) -> None:
        """Take in the rows with these ids, and forget those that are gone."""
        if users:
            self._put_users(rows.read(session, User, users), gone=users)
        if sessions:
            self._put_sessions(rows.read(session, UserSession, sessions), gone=sessions)

    def _put_users(self, found: Iterable[User], gone: set[int] | None) -> None:
        kept = {key: entry for key, entry in self.users.items() if gone is not None and key not in gone}
        entries = rows.readable(user_entry, (row for row in found if row.is_active))
        self.users = kept | {entry.id: entry for entry in entries}

    def _put_sessions(self, found: Iterable[UserSession], gone: set[int] | None) -> None:
        lately = time() - REMEMBERED_SECONDS
        kept = [entry for entry in self.sessions.values() if gone is not None and entry.id not in gone]
        entries = [*kept, *rows.readable(session_entry, found)]
        self.sessions = {entry.sid: entry for entry in entries if entry.not_after > lately}


def user_entry(row: User) -> UserEntry:
    """The row of a user as an entry."""
    assert row.id is not None
    return UserEntry(row.id, row.role)


def session_entry(row: UserSession) -> SessionEntry:
    """The row of a session as an entry."""
    assert row.id is not None
    ends = row.expires_at if row.revoked_at is None else min(row.expires_at, row.revoked_at)
    return SessionEntry(row.id, row.sid, row.user_id, ends.timestamp())
