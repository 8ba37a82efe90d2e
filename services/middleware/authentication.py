"""Who calls: an API key in `X-API-Key` or `Authorization: Bearer`. Deny by default; only what is public is open."""

from collections.abc import Iterable
from time import time

from registry.catalog import EndpointStatus
from registry.errors import Forbidden, InvalidInput, PlatformError, Unauthenticated
from services.directory import Directory, KeyEntry
from services.request import Header, RequestContext
from services.security.api_keys import PREFIX

WHOLE_PLATFORM = frozenset(("/metrics",))  # says something of every endpoint: a scope of its own

_BEARER = b"bearer "
_KEY_PREFIX = PREFIX.encode()
_CHALLENGE = {"www-authenticate": "Bearer"}


class Authentication:
    """Puts the caller's key into the context, or raises Unauthenticated (401) or Forbidden (403)."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def __call__(self, context: RequestContext) -> None:
        if context.exempt:
            return
        if len(context.scope["headers"]) != len(context.incoming):
            refuse_repeated(context.scope["headers"])
        context.key = self._authenticate(context)

    def _authenticate(self, context: RequestContext) -> KeyEntry:
        key = self._directory.key(credential(context.incoming))
        if key is None or not key.active or key.not_after < time():
            raise Forbidden("This API key is not valid: wrong, revoked or expired.")
        refusal = self._refusal(key, context)
        if refusal is not None:
            context.key = key
            raise refusal
        return key

    def _refusal(self, key: KeyEntry, context: RequestContext) -> PlatformError | None:
        if context.path in WHOLE_PLATFORM:
            return None if key.scopes.metrics else Forbidden("This API key does not have the scope metrics.")
        # One model's server has routes that no path of its endpoint names (uploads, say): they are its endpoint's too.
        endpoint = context.endpoint or self._directory.alone
        opened = endpoint.id if endpoint is not None else None if self._directory.is_single else key.endpoint_id
        if key.endpoint_id not in (None, opened):
            return Forbidden("This API key is not for this endpoint.")
        if endpoint is None:
            return None
        predicts = key.scopes.endpoints
        if predicts is not None and endpoint.name not in predicts:
            return Forbidden("This API key does not have the scope to predict with this endpoint.")
        if endpoint.status == EndpointStatus.INACTIVE:
            return Forbidden("This endpoint is not active.")
        return None


def refuse_repeated(headers: Iterable[Header]) -> None:
    """InvalidInput when a credential came twice: a proxy in front may have looked at the other one."""
    names = [name for name, _ in headers]
    for name in (b"x-api-key", b"authorization"):
        if names.count(name) > 1:
            raise InvalidInput(f"{name.decode()} was sent more than once.")


def credential(incoming: dict[bytes, bytes]) -> bytes:
    """The API key that the request carries; Unauthenticated when it carries none."""
    key = incoming.get(b"x-api-key")
    if key:
        return key
    authorization = incoming.get(b"authorization", b"")
    if authorization[:7].lower() != _BEARER:
        raise Unauthenticated("An API key is required: send it as X-API-Key.", headers=_CHALLENGE)
    token = authorization[7:].strip()
    if not token.startswith(_KEY_PREFIX):
        raise Unauthenticated("This bearer token is not valid.", headers=_CHALLENGE)
    return token
