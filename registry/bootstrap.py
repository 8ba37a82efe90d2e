"""The first admin of a platform that has none: whoever holds the token that `serve` printed makes that one.

Tokens are kept as keyed hashes, live a quarter of an hour, and all end as soon as there is an admin.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Field, Session, SQLModel, col

from registry.accounts import Role, User
from registry.clock import now
from registry.columns import UtcDateTime
from registry.database import exclusive
from registry.errors import Unauthenticated
from registry.settings import settings
from registry.users import admin_exists, create_user

LIFE = timedelta(minutes=15)


class BootstrapToken(SQLModel, table=True):
    """A token as the registry knows it; several servers may each have printed one."""

    __tablename__ = "bootstrap_tokens"

    token_hash: str = Field(primary_key=True, description="HMAC-SHA256 of the token, in hex.")
    expires_at: datetime = Field(sa_type=UtcDateTime)


def offer(session: Session) -> str | None:
    """A new token's text with 256 random bits, shown once; None when an admin can sign in already."""
    if admin_exists(session):
        return None
    token = secrets.token_urlsafe(32)
    session.exec(delete(BootstrapToken).where(col(BootstrapToken.expires_at) <= now()))
    session.add(BootstrapToken(token_hash=_hash(token), expires_at=now() + LIFE))
    session.flush()
    return token


def check(session: Session, token: str) -> None:
    """Unauthenticated unless the token would be redeemed now; ask before hashing a stranger's password."""
    kept = session.get(BootstrapToken, _hash(token))
    if kept is None or kept.expires_at <= now() or admin_exists(session):
        raise Unauthenticated("The token is not valid: it makes one admin, once, within 15 minutes of its printing")


def redeem(session: Session, token: str, username: str, password_hash: str, email: str | None = None) -> User:
    """Make the first admin; Unauthenticated for a token that is wrong, too old, used, or no longer needed."""
    exclusive(session)
    check(session, token)
    user = create_user(
        session, username=username, role=Role.ADMIN, password_hash=password_hash, email=email, actor="bootstrap"
    )
    session.exec(delete(BootstrapToken))
    return user


def _hash(token: str) -> str:
    key = settings().derived_key("bootstrap")
    return hmac.new(key, token.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
