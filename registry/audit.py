"""Who changed what: an append-only chain of entries, each keyed to the one before, and the chain's head.

An entry is written in the transaction of the change it tells of, so neither exists without the other. Someone who
owns the database but not the pepper cannot edit, drop, reorder or add entries unseen, nor cut off the newest ones:
the head, sealed with another key, tells how many there are and how the last one ends. What remains is an old copy of
the whole registry put in its place: that is a chain that held once, and only a head noted elsewhere tells it apart.
`registry.trail` reads and verifies the chain.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, Session, SQLModel, func, select

from registry.clock import now
from registry.columns import BigId, UtcDateTime
from registry.database import exclusive
from registry.settings import settings

HEAD_ID = 1
_BROKEN = "broken"  # follows no entry: where this stands as prev_hash, the head could not be trusted


class Action(StrEnum):
    """What can be done to the platform, as subject:object:verb."""

    MODEL_ADDED = "catalog:model:added"
    MODEL_BUILT = "catalog:model:built"
    MODEL_DELETED = "catalog:model:deleted"
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


class AuditHead(SQLModel, table=True):
    """The one row that says where the chain ends."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint(f"id = {HEAD_ID}", name="ck_audit_head_one_row"),)

    id: int = Field(default=HEAD_ID, primary_key=True, sa_column_kwargs={"autoincrement": False})
    entries: int = Field(sa_type=BigId, description="How many there are.")
    hash: str = Field(description="The last entry's; empty before the first.")
    seal: str = Field(description="HMAC-SHA256 of the two, in hex.")


def record(session: Session, *, actor: str, action: Action, target: str, detail: Mapping[str, Any]) -> AuditEntry:
    """Append an entry to the chain in the caller's transaction.

    A head that was tampered with is never mended: the entry then follows nothing, and `verify` says so for ever.
    """
    exclusive(session)
    head = session.get(AuditHead, HEAD_ID)
    trusted = head is not None and is_sealed(head.entries, head.hash, head.seal)
    newest = session.exec(select(func.max(AuditEntry.seq))).one() or 0
    entry = AuditEntry(
        seq=max(head.entries if head is not None and trusted else 0, newest) + 1,
        created_at=now(),
        actor=actor,
        action=action.value,
        target=target,
        detail=_canonical(detail),
        prev_hash=head.hash if head is not None and trusted else _BROKEN,
        hash="",
    )
    row = entry.model_dump(exclude={"hash", "created_at"})
    entry.hash = digest(entry_key(), row | {"created_at": entry.created_at.isoformat()})
    head = head or AuditHead(entries=0, hash="", seal="")
    head.entries, head.hash, head.seal = entry.seq, entry.hash, seal(entry.seq, entry.hash)
    session.add_all([entry, head])
    session.flush()
    return entry


def entry_key() -> bytes:
    """The key of the entries' hashes."""
    return settings().derived_key("audit")


def digest(key: bytes, row: Mapping[str, Any]) -> str:
    """HMAC-SHA256 (RFC 2104) of an entry's columns but for `hash`, in hex.

    The columns stand in it as canonical JSON, each by its name, so that no two rows read the same.
    """
    return hmac.new(key, _canonical(row).encode(), hashlib.sha256).hexdigest()


def seal(entries: int, last_hash: str) -> str:
    """What a head must bear to be believed."""
    return digest(settings().derived_key("audit head"), {"entries": entries, "hash": last_hash})


def is_sealed(entries: Any, last_hash: Any, sealed: Any) -> bool:
    """Whether a head is one that this platform wrote; whatever types somebody may have put into it."""
    if not (isinstance(entries, int) and isinstance(last_hash, str) and isinstance(sealed, str)):
        return False
    return hmac.compare_digest(sealed.encode(), seal(entries, last_hash).encode())


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
