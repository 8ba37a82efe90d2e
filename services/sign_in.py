"""Signing in by password, in two transactions with the hashing between them: the registry is not held up meanwhile."""

from typing import NamedTuple

from registry import login_attempts, sessions, users
from registry.clock import now
from registry.database import session
from registry.login_attempts import LoginAttempt
from services.security.passwords import verify_password
from services.sessions import Opened


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


def sign_in(username: str, password: str, client: Client) -> Opened:
    """Open a session; RateLimited after too many failures. The same work whoever it is, and whatever is wrong."""
    attempt = begin(username, client)
    return finish(attempt, *verify_password(attempt.password_hash, password))


def begin(username: str, client: Client) -> Attempt:
    """Let an attempt go on; RateLimited when too many failed before. It counts as failed until it has succeeded."""
    with session() as opened:
        row = login_attempts.admit(opened, username=username, address=client.address, user_agent=client.user_agent)
        user = users.find_user(opened, username)
        if user is None:
            return Attempt(username, client, row, None, False)
        return Attempt(username, client, row, user.password_hash, user.is_active)


def finish(attempt: Attempt, fits: bool, rehash: str | None) -> Opened:
    """Open a session if the password fits; Unauthenticated, in the same words for whatever reason, if not."""
    if not fits or attempt.password_hash is None or not attempt.is_active:
        users.refuse_sign_in()
    with session() as opened:
        user = users.sign_in(opened, attempt.username, verified=attempt.password_hash, rehash=rehash)
        login_attempts.succeed(opened, attempt.row)
        made, refresh_token = sessions.open_session(opened, user, *attempt.client, now())
    return Opened(made.user_id, made.sid, refresh_token)
