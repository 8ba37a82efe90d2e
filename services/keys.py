"""Issues API keys: the one place where a key's text exists, between minting and printing."""

import hmac
from datetime import timedelta
from hashlib import sha512
from typing import NamedTuple

from sqlmodel import Session

from registry.accounts import ApiKey, Role, User, add_key, find_key, local_user, rotate_key
from registry.catalog import Endpoint, find_endpoint
from registry.clock import now
from registry.database import session
from registry.errors import Forbidden, InvalidInput, NotFound
from registry.settings import settings
from services.security import scopes
from services.security.api_keys import PATTERN, MintedKey, mint
from services.security.scopes import Scopes

ACTOR = "user:local"
LIFETIME = timedelta(days=90)
LONGEST = timedelta(days=365)
LONGEST_GRACE = timedelta(days=7)


class Issued(NamedTuple):
    """A new key: its row, and the text that is shown this once."""

    key: ApiKey
    text: str


def mint_key(seed: bytes | None = None) -> MintedKey:
    """A new key for this platform's environment; of the same seed always the same one, for an answer given again."""
    entropy = None if seed is None else hmac.digest(settings().derived_key("seeded api key"), seed, sha512)
    return mint(settings().environment, settings().pepper_bytes(), entropy)


def create_key(
    endpoint_name: str | None, name: str, allowed: Scopes | None = None, lifetime: timedelta | None = LIFETIME
) -> Issued:
    """Issue a key to this machine's operator; see `issue`."""
    with session() as opened:
        user = local_user(opened)
        return issue(
            opened, user=user, endpoint_name=endpoint_name, name=name, allowed=allowed, lifetime=lifetime, actor=ACTOR
        )


def issue(
    session: Session,
    *,
    user: User,
    endpoint_name: str | None,
    name: str,
    allowed: Scopes | None = None,
    lifetime: timedelta | None = LIFETIME,
    actor: str,
    seed: bytes | None = None,
) -> Issued:
    """Issue a key for one endpoint, or with None for every endpoint; without `allowed`, all that the user may.

    A lifetime of None is a key that never expires, which an admin alone may have. Raises NotFound for an endpoint that
    is not there, Forbidden for more than the user's role may, InvalidInput for what contradicts itself.
    """
    endpoint = None if endpoint_name is None else _endpoint(session, endpoint_name)
    most = scopes.OF_ROLE[user.role]
    wanted = allowed or scopes.of_key(None, one_endpoint=endpoint is not None).narrowed(most)
    if wanted == scopes.NOTHING or not wanted.within(most):
        raise Forbidden(f"A {user.role.value} can't have a key for: {str(wanted) or 'anything'}")
    if endpoint is not None and wanted.endpoints:
        raise InvalidInput("A key of one endpoint has the scope predict, without a name")
    for named in wanted.endpoints or ():
        _endpoint(session, named)
    _refuse_lifetime(lifetime, user)
    minted = mint_key(seed)
    key = add_key(
        session,
        key_id=minted.key_id,
        key_hash=minted.key_hash,
        user=user,
        endpoint=endpoint,
        name=name,
        scopes=str(wanted),
        expires_at=None if lifetime is None else now() + lifetime,
        actor=actor,
    )
    return Issued(key, minted.text)


def replace_key(key_id: str, grace: timedelta) -> Issued:
    """Issue the successor of any user's key; NotFound when there is none. See `renew`."""
    with session() as opened:
        old = find_key(opened, key_id)
        if old is None:
            raise no_such_key(key_id)
        return renew(opened, old, grace, actor=ACTOR)


def no_such_key(key_id: str) -> NotFound:
    """The error that says so; it doesn't repeat a key that somebody pasted whole where its id belongs."""
    named = "by its whole text: name it by its id" if PATTERN.search(key_id) else f"{key_id!r}"
    return NotFound(f"there is no key {named}; `modelport keys list` shows what there is")


def renew(session: Session, old: ApiKey, grace: timedelta, *, actor: str, seed: bytes | None = None) -> Issued:
    """Issue the successor of a key, for the same use and as long a life; the old one works on for the grace period.

    Forbidden for a key that never expires unless its holder is an admin still.
    """
    if not timedelta() <= grace <= LONGEST_GRACE:
        raise InvalidInput(f"A rotated key works on for at most {LONGEST_GRACE.days} days")
    if old.expires_at is None:
        _refuse_lifetime(None, old.user)
    minted = mint_key(seed)
    new = rotate_key(session, old, key_id=minted.key_id, key_hash=minted.key_hash, grace=grace, actor=actor)
    return Issued(new, minted.text)


def _endpoint(session: Session, name: str) -> Endpoint:
    endpoint = find_endpoint(session, name)
    if endpoint is None:
        raise NotFound(f"there is no endpoint {name!r}; `modelport list` shows what there is")
    return endpoint


def _refuse_lifetime(lifetime: timedelta | None, user: User) -> None:
    if lifetime is None:
        if user.role != Role.ADMIN:
            raise Forbidden("Only an admin can have a key that never expires")
    elif not timedelta() < lifetime <= LONGEST:
        raise InvalidInput(f"A key lives for at most {LONGEST.days} days")
