"""Who may call: users, and the API keys they hold."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, Relationship, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from registry import audit
from registry.audit import Action
from registry.catalog import Endpoint
from registry.clock import now
from registry.columns import UtcDateTime, choice
from registry.database import exclusive
from registry.errors import Conflict

LOCAL = "local"


class Role(StrEnum):
    """What a user may do, from everything to looking."""

    ADMIN = "admin"
    OPERATOR = "operator"
    USER = "user"
    VIEWER = "viewer"


class User(SQLModel, table=True):
    """Someone who holds keys or signs in."""

    __tablename__ = "users"

    id: int | None = Field(default=None, primary_key=True)
    username: str = Field(unique=True, index=True)
    email: str | None = Field(default=None, unique=True, index=True)
    password_hash: str | None = Field(default=None, description="None: cannot sign in with a password.")
    role: Role = Field(default=Role.USER, sa_column=choice(Role))
    is_active: bool = True
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    last_login: datetime | None = Field(default=None, sa_type=UtcDateTime)
    prediction_count: int = Field(default=0, sa_type=BigInteger)


class ApiKey(SQLModel, table=True):
    """A key as the registry knows it: its public part and a keyed hash, never the key."""

    __tablename__ = "api_keys"
    # Ids are slots of the shared limits: a new key must not inherit what a deleted one had used up.
    __table_args__ = (Index("idx_api_key", "key_id", unique=True), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    key_id: str = Field(max_length=12, description="The public part of the key.")
    user_id: int = Field(default=None, nullable=False, foreign_key="users.id", ondelete="CASCADE", index=True)
    endpoint_id: int | None = Field(
        default=None, foreign_key="endpoints.id", ondelete="CASCADE", index=True, description="None: every endpoint."
    )
    name: str
    scopes: str | None = Field(default=None, description="What it may do; None: all that its kind could before scopes.")
    key_hash: str = Field(unique=True, index=True, description="Keyed hash of the whole key, in hex.")
    is_active: bool = True
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_used: datetime | None = Field(default=None, sa_type=UtcDateTime)
    grace_until: datetime | None = Field(default=None, sa_type=UtcDateTime, description="End of a rotated key's life.")
    rotated_from: int | None = Field(default=None, foreign_key="api_keys.id", ondelete="SET NULL", index=True)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    # Joined, so that who holds a key and what it opens are known when the session is closed.
    user: User = Relationship(sa_relationship_kwargs={"lazy": "joined", "innerjoin": True})
    endpoint: Endpoint | None = Relationship(sa_relationship_kwargs={"lazy": "joined"})


def local_user(session: Session) -> User:
    """The operator at this machine's command line, who needs no password."""
    exclusive(session)
    user = session.exec(select(User).where(User.username == LOCAL)).first()
    if user is None:
        user = User(username=LOCAL, role=Role.ADMIN)
        session.add(user)
        session.flush()
        actor = target = f"user:{LOCAL}"
        audit.record(session, actor=actor, action=Action.USER_CREATED, target=target, detail={"role": user.role})
    return user


def keys(session: Session) -> list[ApiKey]:
    """Every key, oldest first."""
    return list(session.exec(select(ApiKey).order_by(col(ApiKey.id))))


def select_keys(*, user: User | None = None, endpoint: str | None = None) -> SelectOfScalar[ApiKey]:
    """A statement for the keys that the user holds, and those made for the endpoint of that name."""
    chosen = select(ApiKey)
    if user is not None:
        chosen = chosen.where(ApiKey.user_id == user.id)
    if endpoint is not None:
        chosen = chosen.where(col(ApiKey.endpoint_id).in_(select(Endpoint.id).where(Endpoint.name == endpoint)))
    return chosen


def keys_of_endpoint(session: Session, endpoint: Endpoint) -> list[ApiKey]:
    """The keys made for that endpoint, oldest first."""
    return list(session.exec(select(ApiKey).where(ApiKey.endpoint_id == endpoint.id).order_by(col(ApiKey.id))))


def keys_of_user(session: Session, user: User) -> list[ApiKey]:
    """The keys that the user holds, oldest first."""
    return list(session.exec(select(ApiKey).where(ApiKey.user_id == user.id).order_by(col(ApiKey.id))))


def find_key(session: Session, key_id: str) -> ApiKey | None:
    """The key with that public part."""
    return session.exec(select(ApiKey).where(ApiKey.key_id == key_id)).first()


def find_key_of(session: Session, key_id: str, user: User) -> ApiKey | None:
    """The key with that public part if the user holds it; another's is as good as none."""
    return session.exec(select(ApiKey).where(ApiKey.key_id == key_id, ApiKey.user_id == user.id)).first()


def add_key(
    session: Session,
    *,
    key_id: str,
    key_hash: str,
    user: User,
    endpoint: Endpoint | None,
    name: str,
    scopes: str | None = None,
    expires_at: datetime | None = None,
    actor: str,
) -> ApiKey:
    """Keep a new key for one endpoint, or for every endpoint."""
    key = ApiKey(
        key_id=key_id,
        key_hash=key_hash,
        user=user,
        endpoint=endpoint,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    detail = {
        "name": name,
        "user": user.username,
        "endpoint": endpoint.name if endpoint else None,
        "scopes": scopes,
        "expires_at": expires_at.isoformat() if expires_at else None,
    }
    audit.record(session, actor=actor, action=Action.KEY_CREATED, target=f"key:{key_id}", detail=detail)
    return key


def revoke_key(session: Session, key: ApiKey, *, actor: str) -> None:
    """End a key at once; revoking it again changes nothing."""
    if key.revoked_at is not None:
        return
    key.is_active, key.revoked_at = False, now()
    session.add(key)
    session.flush()
    audit.record(session, actor=actor, action=Action.KEY_REVOKED, target=f"key:{key.key_id}", detail={"name": key.name})


def rotate_key(session: Session, old: ApiKey, *, key_id: str, key_hash: str, grace: timedelta, actor: str) -> ApiKey:
    """Replace a key by one for the same use with as long a life; the old one goes on working for the grace period."""
    moment = now()
    expired = old.expires_at is not None and old.expires_at <= moment
    if not old.is_active or old.grace_until is not None or expired:
        raise Conflict("Only a key that is in use can be rotated", {"key_id": old.key_id})
    old.grace_until = moment + grace
    new = ApiKey(
        key_id=key_id,
        key_hash=key_hash,
        user=old.user,
        endpoint=old.endpoint,
        name=old.name,
        scopes=old.scopes,
        expires_at=moment + (old.expires_at - old.created_at) if old.expires_at is not None else None,
        rotated_from=old.id,
    )
    session.add_all([old, new])
    session.flush()
    detail = {"new": key_id, "grace_until": old.grace_until.isoformat()}
    audit.record(session, actor=actor, action=Action.KEY_ROTATED, target=f"key:{old.key_id}", detail=detail)
    return new
