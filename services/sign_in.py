"""Signing in by password, in two transactions with the hashing between them: the registry is not held up meanwhile."""

from typing import NamedTuple

from registry import login_attempts, sessions, users
from registry.clock import now
from registry.database import session
from registry.login_attempts import LoginAttempt
from services.security.tokens import AccessTokens
from services.sessions import SignedIn, signed_in


class Client(NamedTuple):
    """Where a request comes from, for the record of sign-ins: an address, and what the client says of itself."""

    address: str
    user_agent: str


class Attempt(NamedTuple):
    """A sign-in that was let go on, and what the given password is to be held against."""

    username: str
    client: Client
    row: LoginAttempt
    password_hash: str | None
    is_active: bool


def begin(username: str, client: Client) -> Attempt:
    """Let an attempt go on; RateLimited when too many failed before. It counts as failed until it has succeeded."""
    with session() as opened:
        row = login_attempts.admit(opened, username=username, address=client.address, user_agent=client.user_agent)
        user = users.find_user(opened, username)
        if user is None:
            return Attempt(username, client, row, None, False)
        return Attempt(username, client, row, user.password_hash, user.is_active)


def give_up(attempt: Attempt) -> None:
    """It is no failure of the caller's that there was no room to verify the password."""
    with session() as opened:
        login_attempts.withdraw(opened, attempt.row)


def finish(attempt: Attempt, fits: bool, rehash: str | None, tokens: AccessTokens) -> SignedIn:
    """Open a session if the password fits; Unauthenticated, in the same words for whatever reason, if not."""
    if not fits or attempt.password_hash is None or not attempt.is_active:
        users.refuse_sign_in()
    with session() as opened:
        user = users.sign_in(opened, attempt.username, verified=attempt.password_hash, rehash=rehash)
        login_attempts.succeed(opened, attempt.row)
        made, refresh_token = sessions.open_session(opened, user, *attempt.client, now())
    return signed_in(made, refresh_token, tokens)
