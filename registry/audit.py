"""Who changed what: an append-only chain of entries, each keyed to the one before.

An entry is written in the transaction of the change it tells of, so neither exists without the other. Someone who
owns the database but not the pepper cannot edit, drop or reorder entries unseen; only cutting off the newest ones
leaves no trace here, which is why the head of the chain is worth copying elsewhere.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlmodel import Field, Session, SQLModel, col, select

from registry.clock import now
from registry.columns import BigId, UtcDateTime
from registry.database import exclusive
from registry.settings import settings


class Action(StrEnum):
    """What can be done to the platform, as subject:object:verb."""

    MODEL_ADDED = "catalog:model:added"
    ENDPOINT_CREATED = "catalog:endpoint:created"
    ENDPOINT_DELETED = "catalog:endpoint:deleted"
    MODEL_CHANGED = "endpoint:model:changed"
    STATUS_CHANGED = "endpoint:status:changed"
    LIMIT_CHANGED = "endpoint:limit:changed"
    USER_CREATED = "account:user:created"
    USER_ENABLED = "account:user:enabled"
    USER_DISABLED = "account:user:disabled"
    USER_DELETED = "account:user:deleted"
    ROLE_CHANGED = "account:role:changed"
    PASSWORD_CHANGED = "account:password:changed"  # noqa: S105
    EMAIL_CHANGED = "account:email:changed"
    SIGNED_IN = "account:session:opened"
    KEY_CREATED = "account:key:created"
    KEY_REVOKED = "account:key:revoked"
    KEY_ROTATED = "account:key:rotated"
    SESSION_OPENED = "account:session:opened"
    SESSION_CLOSED = "account:session:closed"
    SESSION_REVOKED = "account:session:revoked"


class AuditEntry(SQLModel, table=True):
    """One change."""

    __tablename__ = "audit_entries"
    __table_args__ = {"sqlite_autoincrement": True}

    seq: int = Field(primary_key=True, sa_type=BigId)
    created_at: datetime = Field(sa_type=UtcDateTime)
    actor: str
    action: str
    target: str
    detail: str
    prev_hash: str
    hash: str


class Problem(NamedTuple):
    """Where the chain breaks, and how."""

    seq: int
    reason: str


def record(session: Session, *, actor: str, action: Action, target: str, detail: Mapping[str, Any]) -> AuditEntry:
    """Append an entry to the chain in the caller's transaction."""
    exclusive(session)
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(1)).first()
    entry = AuditEntry(
        seq=last.seq + 1 if last else 1,
        created_at=now(),
        actor=actor,
        action=action.value,
        target=target,
        detail=_canonical(detail),
        prev_hash=last.hash if last else "",
        hash="",
    )
    entry.hash = _digest(_key(), entry)
    session.add(entry)
    session.flush()
    return entry


def verify(session: Session) -> list[Problem]:
    """Every place where the chain does not hold; an empty list is an intact chain."""
    key = _key()
    problems = []
    seq, previous = 0, ""
    for entry in session.exec(select(AuditEntry).order_by(col(AuditEntry.seq)).execution_options(yield_per=1000)):
        if entry.seq != seq + 1:
            problems.append(Problem(entry.seq, f"entries {seq + 1} to {entry.seq - 1} are missing"))
        elif entry.prev_hash != previous:
            problems.append(Problem(entry.seq, "does not follow the entry before it"))
        if not hmac.compare_digest(entry.hash, _digest(key, entry)):
            problems.append(Problem(entry.seq, "was edited"))
        seq, previous = entry.seq, entry.hash
    return problems


def _key() -> bytes:
    return settings().derived_key("audit")


def _digest(key: bytes, entry: AuditEntry) -> str:
    row = entry.model_dump(exclude={"hash", "created_at"}) | {"created_at": entry.created_at.isoformat()}
    return hmac.new(key, _canonical(row).encode(), hashlib.sha256).hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
