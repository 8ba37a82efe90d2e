"""Who sends an access token: an active user in a session that goes on. Reads memory alone; the token's text is no proof.

What a worker hasn't heard of yet is taken on the token's word for some seconds: somebody who signed in at one worker
may turn to another before that one has looked. A session that was ended is not news: it is known as such.
"""

from time import time
from typing import TYPE_CHECKING, NamedTuple

from services.security.people import UserEntry
from services.security.tokens import Claims, refuse

if TYPE_CHECKING:
    from services.directory import Directory

NEWS_SECONDS = 5  # longer than any worker takes to hear of a session


class Identity(NamedTuple):
    """A user with today's role, and what the token says."""

    user: UserEntry
    claims: Claims


def authenticate(token: bytes, directory: "Directory") -> UserEntry:
    """The user who sends this token; Unauthenticated (401) unless both token and session are valid now."""
    return identify(token, directory).user


def identify(token: bytes, directory: "Directory") -> Identity:
    """As `authenticate`, for those who need to know the session too."""
    now = time()
    claims = directory.tokens.verify(token, now)
    user = directory.people.users.get(claims.user_id)
    session = directory.people.sessions.get(claims.sid)
    if session is None:
        goes_on = now - claims.issued_at < NEWS_SECONDS
    else:
        goes_on = session.user_id == claims.user_id and now < session.not_after
    if user is None or not goes_on:
        refuse()
    return Identity(user, claims)
