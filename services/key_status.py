"""Where a key stands in its life, and which keys are about to end."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from registry.accounts import ApiKey
from services.security.scopes import of_key

SOON = timedelta(days=14)


class KeyStatus(StrEnum):
    """What `keys list` says of a key; the first three work."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    ROTATED = "rotated"
    EXPIRED = "expired"
    REVOKED = "revoked"


def end_of(key: ApiKey) -> datetime | None:
    """When the key stops working by itself, if ever."""
    return min((end for end in (key.expires_at, key.grace_until) if end is not None), default=None)


def status_of(key: ApiKey, moment: datetime) -> KeyStatus:
    """Where the key stands at that moment."""
    end = end_of(key)
    if key.revoked_at is not None or not key.is_active:
        return KeyStatus.REVOKED
    if end is not None and end <= moment:
        return KeyStatus.EXPIRED
    if key.grace_until is not None:
        return KeyStatus.ROTATED
    return KeyStatus.EXPIRING if end is not None and end <= moment + SOON else KeyStatus.ACTIVE


def row(key: ApiKey, moment: datetime) -> dict[str, Any]:
    """What a list says of a key at that moment; never its text."""
    return {
        "id": key.key_id,
        "user": key.user.username,
        "endpoint": key.endpoint.name if key.endpoint is not None else None,
        "name": key.name,
        "scopes": str(of_key(key.scopes, one_endpoint=key.endpoint_id is not None)),
        "status": status_of(key, moment).value,
        "created_at": key.created_at,
        "last_used": key.last_used,
        "expires_at": end_of(key),
    }


def details(key: ApiKey, before: ApiKey | None, moment: datetime) -> dict[str, Any]:
    """What is known of a key; `before` is the one that it replaces."""
    return row(key, moment) | {
        "rotated_from": before.key_id if before is not None else None,
        "grace_until": key.grace_until,
        "revoked_at": key.revoked_at,
    }


def warnings(keys: Iterable[ApiKey], moment: datetime) -> Iterator[str]:
    """A line for each key that ends soon and has no successor yet."""
    for key in keys:
        if status_of(key, moment) is KeyStatus.EXPIRING and key.expires_at is not None:
            use = "every endpoint" if key.endpoint is None else key.endpoint.name
            yield f"{key.key_id} ({key.name}, {use}) expires on {key.expires_at:%Y-%m-%d}: modelport keys rotate {key.key_id}"
