"""The keys that belong to an endpoint itself: those that bear its name, made by its export and replaced here."""

from datetime import timedelta
from typing import NamedTuple

from sqlmodel import Session

from registry import audit
from registry.accounts import ApiKey, User, keys_of_endpoint, revoke_key
from registry.audit import Action
from registry.catalog import Endpoint
from registry.clock import now
from registry.errors import InvalidInput
from services.keys import LONGEST_GRACE, Issued, issue


class Replaced(NamedTuple):
    """A new key of an endpoint, and the public ids of those that it replaces."""

    issued: Issued
    old: list[str]


def first_key(session: Session, endpoint: Endpoint, user: User, *, actor: str, seed: bytes | None = None) -> Issued:
    """Make an endpoint's own key, held by that user, for predictions and for as long as any key by default."""
    return issue(session, user=user, endpoint_name=endpoint.name, name=endpoint.name, actor=actor, seed=seed)


def regenerate(
    session: Session, endpoint: Endpoint, user: User, grace: timedelta, *, actor: str, seed: bytes | None = None
) -> Replaced:
    """Replace the endpoint's own keys by a new one; they work on for the grace period, or end at once without one."""
    if not timedelta() <= grace <= LONGEST_GRACE:
        raise InvalidInput(f"A replaced key works on for at most {LONGEST_GRACE.days} days")
    own = [key for key in keys_of_endpoint(session, endpoint) if key.name == endpoint.name and key.is_active]
    issued = first_key(session, endpoint, user, actor=actor, seed=seed)
    for old in own:
        _end(session, old, issued.key, grace, actor)
    return Replaced(issued, [old.key_id for old in own])


def _end(session: Session, old: ApiKey, new: ApiKey, grace: timedelta, actor: str) -> None:
    if not grace:
        return revoke_key(session, old, actor=actor)
    until = now() + grace
    old.grace_until = until if old.grace_until is None else min(old.grace_until, until)
    session.add(old)
    session.flush()
    detail = {"new": new.key_id, "grace_until": old.grace_until.isoformat()}
    audit.record(session, actor=actor, action=Action.KEY_ROTATED, target=f"key:{old.key_id}", detail=detail)
