"""What a client is handed when it signs in or refreshes: the one place where both tokens' texts exist."""

from typing import NamedTuple

from registry import sessions
from registry.clock import now
from registry.database import session
from registry.errors import Unauthenticated
from services.security.tokens import AccessTokens


class SignedIn(NamedTuple):
    """A session's tokens; the access token is valid for so many seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


class Opened(NamedTuple):
    """Whose session was opened or goes on, and its newest refresh token."""

    user_id: int
    sid: str
    refresh_token: str


def signed_in(opened: Opened, tokens: AccessTokens) -> SignedIn:
    """An access token beside a session's refresh token."""
    access_token = tokens.issue(opened.user_id, opened.sid, now().timestamp())
    return SignedIn(access_token, opened.refresh_token, tokens.seconds)


def renew(refresh_token: str) -> Opened:
    """The session's next refresh token for this one; Unauthenticated if it is refused.

    Raised outside the transaction: a refusal may have ended the session, and that must not be rolled back.
    """
    with session() as opened:
        answer = sessions.refresh(opened, refresh_token, now())
    if answer is None:
        raise Unauthenticated("This refresh token is not valid: sign in again.", headers={"WWW-Authenticate": "Bearer"})
    renewed, successor = answer
    return Opened(renewed.user_id, renewed.sid, successor)
