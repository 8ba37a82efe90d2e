"""Issues API keys: the one place where a key's text exists, between minting and printing."""

from datetime import datetime, timedelta

from registry.accounts import add_key, find_key, local_user, rotate_key
from registry.catalog import find_endpoint
from registry.database import session
from registry.errors import NotFound
from registry.settings import settings
from services.security.api_keys import MintedKey, mint

ACTOR = "user:local"


def mint_key() -> MintedKey:
    """A new key for this platform's environment."""
    return mint(settings().environment, settings().pepper_bytes())


def create_key(endpoint_name: str | None, name: str, expires_at: datetime | None = None) -> MintedKey:
    """Issue a key for one endpoint, or with None for every endpoint; NotFound when there is no such endpoint."""
    key = mint_key()
    with session() as opened:
        endpoint = find_endpoint(opened, endpoint_name) if endpoint_name is not None else None
        if endpoint_name is not None and endpoint is None:
            raise NotFound(f"there is no endpoint {endpoint_name!r}; `modelport list` shows what there is")
        add_key(
            opened,
            key_id=key.key_id,
            key_hash=key.key_hash,
            user=local_user(opened),
            endpoint=endpoint,
            name=name,
            expires_at=expires_at,
            actor=ACTOR,
        )
    return key


def replace_key(key_id: str, grace: timedelta) -> MintedKey:
    """Issue the successor of a key, which goes on working for the grace period; NotFound when there is none."""
    key = mint_key()
    with session() as opened:
        old = find_key(opened, key_id)
        if old is None:
            raise NotFound(f"there is no key {key_id!r}; `modelport keys list` shows what there is")
        rotate_key(opened, old, key_id=key.key_id, key_hash=key.key_hash, grace=grace, actor=ACTOR)
    return key
