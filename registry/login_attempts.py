"""Sign-ins that were tried, and how long the next one has to wait: longer with every failure, and never for good.

After `free` failures within an hour the wait doubles from a second up to `longest`, counted from the latest failure.
A success ends the account's wait. What others fail at doesn't hold up a user who comes from where they signed in
before; otherwise a stranger who knows a name could keep its owner out.
"""

import ipaddress
import math
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Index, delete, func
from sqlmodel import Field, Session, SQLModel, col, select

from registry.clock import now
from registry.columns import BigId, UtcDateTime
from registry.database import exclusive
from registry.errors import RateLimited
from registry.usernames import folded

WINDOW = timedelta(hours=1)
KEPT = timedelta(days=90)


class Slowdown(NamedTuple):
    """Failures within the window that cost nothing, and the longest wait in seconds after more of them."""

    free: int
    longest: float

    def wait(self, failures: int) -> float:
        """Seconds between the latest failure and the next attempt."""
        doublings = min(failures - self.free, 30)  # a float holds no more than a thousand of them
        return min(2.0**doublings, self.longest) if doublings >= 0 else 0.0


ACCOUNT = Slowdown(free=5, longest=900.0)
NETWORK = Slowdown(free=20, longest=60.0)  # behind one address there may be many people


class LoginAttempt(SQLModel, table=True):
    """One sign-in that was tried."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index("idx_login_attempts_username", "username", "created_at"),
        Index("idx_login_attempts_network", "network", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    username: str | None = Field(default=None, description="None: what was given can be nobody's name.")
    ip_address: str
    network: str = Field(description="The address, or the /64 of an IPv6 one: a host has them all.")
    user_agent: str
    success: bool
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


def admit(
    session: Session, *, username: str, address: str, user_agent: str, at: datetime | None = None
) -> LoginAttempt:
    """Let one attempt go on; RateLimited, with Retry-After, when it comes too early.

    It counts as failed until `succeed` is told otherwise, so that attempts at once can't slip past one count. Commit
    before the password is verified.
    """
    exclusive(session)
    at = at or now()
    seconds = delay(session, username, address, at)
    if seconds > 0:
        headers = {"Retry-After": str(math.ceil(seconds))}
        raise RateLimited("Too many failed sign-ins: wait before the next one", headers=headers)
    return record_attempt(session, username=username, address=address, user_agent=user_agent, success=False, at=at)


def succeed(session: Session, attempt: LoginAttempt) -> None:
    """Note that an admitted attempt was right."""
    attempt.success = True
    session.add(attempt)
    session.flush()


def record_attempt(
    session: Session, *, username: str, address: str, user_agent: str, success: bool, at: datetime | None = None
) -> LoginAttempt:
    """Keep an attempt for 90 days; what isn't a username is not kept, for it may be a password in the wrong field."""
    at = at or now()
    session.exec(delete(LoginAttempt).where(col(LoginAttempt.created_at) < at - KEPT))
    attempt = LoginAttempt(
        username=folded(username),
        ip_address=_plain(address, 64),
        network=network_of(address),
        user_agent=_plain(user_agent, 256),
        success=success,
        created_at=at,
    )
    session.add(attempt)
    session.flush()
    return attempt


def delay(session: Session, username: str, address: str, at: datetime) -> float:
    """Seconds until a sign-in to that account from that address may be tried; 0.0 for now."""
    network, name = network_of(address), folded(username)
    here = col(LoginAttempt.network) == network
    waits = [_left(session, NETWORK, at, [here])]
    if name is not None:
        account = col(LoginAttempt.username) == name
        last = _last_success(session, [account], since=at - WINDOW)
        since_then = [account, col(LoginAttempt.id) > last]
        familiar = _last_success(session, [account, here], since=at - KEPT) > 0
        waits.append(_left(session, ACCOUNT, at, [*since_then, here] if familiar else since_then))
    return max(waits)


def _left(session: Session, slowdown: Slowdown, at: datetime, which: list[ColumnElement[bool]]) -> float:
    created = col(LoginAttempt.created_at)
    failed = [col(LoginAttempt.success).is_(False), created > at - WINDOW, *which]
    failures, latest = session.exec(select(func.count(), func.max(created)).where(*failed)).one()
    return max(0.0, slowdown.wait(failures) - (at - latest).total_seconds()) if latest is not None else 0.0


def _last_success(session: Session, which: list[ColumnElement[bool]], since: datetime) -> int:
    """The id of the latest attempt that succeeded, or 0."""
    recent = [col(LoginAttempt.success).is_(True), col(LoginAttempt.created_at) > since, *which]
    return session.exec(select(func.max(LoginAttempt.id)).where(*recent)).one() or 0


def network_of(address: str) -> str:
    """The address, or the /64 of an IPv6 one: what one host may choose from counts as one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return _plain(address, 64)
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


def _plain(text: str, length: int) -> str:
    """Without what a database or a terminal would stumble over."""
    return "".join(one if one.isprintable() else "?" for one in text[:length])
