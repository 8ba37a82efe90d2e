"""What signed-in people change about an endpoint that stands: its status, its limit, its own key, and its end."""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlmodel import Session

from registry.accounts import ApiKey
from registry.catalog import Endpoint, EndpointStatus, existing_endpoint, set_limit, set_status
from registry.idempotency import Answer, Asked, once
from services import exporting
from services.endpoint_keys import regenerate
from services.keys import mint_key
from services.packaging.written import canonical_limit
from services.security.bearer import Identity
from services.security.permissions import Permission
from services.signed_in import changing, check, looking


class NewKey(NamedTuple):
    """The answer to who asked for a new key, and the key."""

    answer: Answer
    text: str


class ByUser:
    """A signed-in user who asks for a deletion."""

    def __init__(self, who: Identity) -> None:
        self._who = who

    def begin(self) -> None:
        """Nothing."""

    def actor(self, session: Session) -> str:
        """Their name, if they may do this in this very transaction."""
        return check(session, self._who, Permission.EXPORTS_WRITE).actor

    def written(self, session: Session, endpoint: Endpoint, is_new: bool) -> None:
        """Nothing."""


def change_status(who: Identity, name: str, status: EndpointStatus, reason: str | None) -> Endpoint:
    """Switch an endpoint on or off."""
    with changing(who, Permission.EXPORTS_WRITE) as (session, own):
        endpoint = existing_endpoint(session, name)
        set_status(session, endpoint, status, reason=reason, actor=own.actor)
        return endpoint


def change_limit(who: Identity, name: str, limit: str | None) -> Endpoint:
    """Give an endpoint a limit of its own, or None for the platform's."""
    canonical = canonical_limit(limit)
    with changing(who, Permission.EXPORTS_WRITE) as (session, own):
        endpoint = existing_endpoint(session, name)
        set_limit(session, endpoint, canonical, actor=own.actor)
        return endpoint


def regenerate_key(who: Identity, name: str, grace: timedelta, asked: Asked | None) -> NewKey:
    """Replace an endpoint's own key by one of the caller's."""
    with changing(who, Permission.EXPORTS_WRITE) as (session, own):

        def make(seed: bytes) -> dict[str, Any]:
            endpoint = existing_endpoint(session, name)
            replaced = regenerate(session, endpoint, own.user, grace, actor=own.actor, seed=seed)
            key: ApiKey = replaced.issued.key
            known = {"endpoint": endpoint.name, "key_id": key.key_id, "expires_at": key.expires_at}
            return known | {"replaced": replaced.old}

        answer = once(session, own.user, asked, make, status=201)
        return NewKey(answer, mint_key(answer.seed).text)


def delete(who: Identity, name: str) -> None:
    """Delete an endpoint with its keys, its log, and what was built for it; uploaded models stay."""
    with looking(who, Permission.EXPORTS_WRITE) as (session, _):
        found = existing_endpoint(session, name).name
    exporting.delete(found, ByUser(who))
