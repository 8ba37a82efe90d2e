"""API keys as signed-in people handle them: their own, or with `keys:all` everybody's. Another's key is not found."""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlmodel import Session, col

from registry.accounts import ApiKey, User, find_key, find_key_of, revoke_key, select_keys
from registry.clock import now
from registry.errors import Forbidden, NotFound
from registry.idempotency import Answer, Asked, once
from registry.pages import Page, page
from registry.users import find_user
from services.key_status import details, row
from services.keys import Issued, issue, renew
from services.security.bearer import Identity
from services.security.permissions import Permission, allows
from services.security.scopes import Scopes
from services.signed_in import Own, changing, looking

SORTED = {
    "created_at": col(ApiKey.created_at),
    "name": col(ApiKey.name),
    "last_used": col(ApiKey.last_used),
    "expires_at": col(ApiKey.expires_at),
}


class Wanted(NamedTuple):
    """A key that somebody asks for; `user` None is for themselves."""

    name: str
    endpoint: str | None
    scopes: Scopes | None
    lifetime: timedelta | None
    user: str | None


def list_keys(
    who: Identity, *, user: str | None, endpoint: str | None, sort: str, limit: int, cursor: str | None
) -> Page[dict[str, Any]]:
    """A page of the keys that this user may see: of that user, and for that endpoint alone."""
    with looking(who, Permission.KEYS_OWN) as (opened, own):
        all_of_them = user is None and _sees_all(own)
        holder = None if all_of_them else _holder(opened, own, user)
        chosen = select_keys(user=holder, endpoint=endpoint)
        found = page(opened, chosen, SORTED, id=col(ApiKey.id), sort=sort, limit=limit, cursor=cursor)
        moment = now()
        return Page([row(key, moment) for key in found.items], found.next_cursor)


def one_key(who: Identity, key_id: str) -> dict[str, Any]:
    """What is known of a key; never its text."""
    with looking(who, Permission.KEYS_OWN) as (opened, own):
        return _details(opened, _existing(opened, own, key_id))


def create(who: Identity, wanted: Wanted, asked: Asked | None) -> Answer:
    """Make a key; its text comes of the answer's seed."""
    with changing(who, Permission.KEYS_OWN) as (opened, own):
        holder = _holder(opened, own, wanted.user)  # asked here, so that an answer is given again only to who still may

        def make(seed: bytes) -> dict[str, Any]:
            made = issue(
                opened,
                user=holder,
                endpoint_name=wanted.endpoint,
                name=wanted.name,
                allowed=wanted.scopes,
                lifetime=wanted.lifetime,
                actor=own.actor,
                seed=seed,
            )
            return _shown(opened, made)

        return once(opened, own.user, asked, make)


def rotate(who: Identity, key_id: str, grace: timedelta, asked: Asked | None) -> Answer:
    """Make a key's successor; its text comes of the answer's seed."""
    with changing(who, Permission.KEYS_OWN) as (opened, own):
        old = _existing(opened, own, key_id)

        def make(seed: bytes) -> dict[str, Any]:
            return _shown(opened, renew(opened, old, grace, actor=own.actor, seed=seed))

        return once(opened, own.user, asked, make)


def revoke(who: Identity, key_id: str) -> None:
    """End a key at once; again changes nothing."""
    with changing(who, Permission.KEYS_OWN) as (opened, own):
        revoke_key(opened, _existing(opened, own, key_id), actor=own.actor)


def _sees_all(own: Own) -> bool:
    return allows(own.user.role, Permission.KEYS_ALL)


def _holder(opened: Session, own: Own, username: str | None) -> User:
    """Whose key it is to be; Forbidden for another's unless they may, NotFound for nobody's."""
    if username is None:
        return own.user
    user = find_user(opened, username)
    if user is not None and user.id == own.user.id:
        return own.user
    if not _sees_all(own):
        raise Forbidden("Your role permits your own keys only.", {"role": own.user.role})
    if user is None:
        raise NotFound("There is no such user.")
    return user


def _existing(opened: Session, own: Own, key_id: str) -> ApiKey:
    key = find_key(opened, key_id) if _sees_all(own) else find_key_of(opened, key_id, own.user)
    if key is None:
        raise NotFound("There is no such key.")
    return key


def _shown(opened: Session, made: Issued) -> dict[str, Any]:
    return _details(opened, made.key)


def _details(opened: Session, key: ApiKey) -> dict[str, Any]:
    before = opened.get(ApiKey, key.rotated_from) if key.rotated_from is not None else None
    return details(key, before, now())
