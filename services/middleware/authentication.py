"""Who calls: an API key in `X-API-Key` or as bearer token, or a signed-in user's access token as bearer token.

Deny by default; only what is public, or needed to sign in, is open. A bearer token that begins like a key is one.
"""

from collections.abc import Iterable
from time import time

from registry.catalog import EndpointStatus
from registry.errors import Forbidden, InvalidInput, PlatformError, Unauthenticated
from services.directory import Directory, KeyEntry
from services.middleware.control import NOTHING, ControlPlane
from services.request import Header, RequestContext
from services.security.api_keys import PREFIX
from services.security.bearer import identify
from services.security.permissions import Permission, allows

WHOLE_PLATFORM = frozenset(("/metrics",))  # says something of every endpoint: a scope of its own

_BEARER = b"bearer "
_KEY_PREFIX = PREFIX.encode()
_INACTIVE = "This endpoint is not active."
_CHALLENGE = {"www-authenticate": "Bearer"}


class Authentication:
    """Puts the caller's key or identity into the context, or raises Unauthenticated (401) or Forbidden (403)."""

    def __init__(self, directory: Directory, control: ControlPlane = NOTHING) -> None:
        self._directory, self._of_people, self._open = directory, control.routes, control.open

    def __call__(self, context: RequestContext) -> None:
        if context.exempt:
            return
        if len(context.scope["headers"]) != len(context.incoming):
            refuse_repeated(context.scope["headers"])
        if context.endpoint is None and context.route in self._of_people:
            if context.route not in self._open:
                context.identity = identify(access_token(context.incoming), self._directory)
            return
        key = credential(context.incoming)
        if key is None:
            self._let_in(context)
        else:
            context.key = self._authenticate(key, context)

    def _authenticate(self, text: bytes, context: RequestContext) -> KeyEntry:
        key = self._directory.key(text)
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
            return Forbidden(_INACTIVE)
        return None

    def _let_in(self, context: RequestContext) -> None:
        """A signed-in user, who may do here what their keys could at most."""
        context.identity = identify(bearer_token(context.incoming), self._directory)
        endpoint = context.endpoint or self._directory.alone
        role = context.identity.user.role
        asked = Permission.MONITORING_READ if context.path in WHOLE_PLATFORM else Permission.PREDICT
        if not allows(role, asked):
            raise Forbidden("Your role does not permit this.", {"role": role})
        if endpoint is not None and endpoint.status == EndpointStatus.INACTIVE:
            raise Forbidden(_INACTIVE)


def refuse_repeated(headers: Iterable[Header]) -> None:
    """InvalidInput when a credential came twice: a proxy in front may have looked at the other one."""
    names = [name for name, _ in headers]
    for name in (b"x-api-key", b"authorization"):
        if names.count(name) > 1:
            raise InvalidInput(f"{name.decode()} was sent more than once.")


def credential(incoming: dict[bytes, bytes]) -> bytes | None:
    """The API key that the request carries, None when it is an access token; Unauthenticated when it carries nothing."""
    key = incoming.get(b"x-api-key")
    if key:
        return key
    authorization = incoming.get(b"authorization", b"")
    token = authorization[7:].strip() if authorization[:7].lower() == _BEARER else b""
    if not token:
        raise Unauthenticated("An API key is required (X-API-Key), or an access token (Bearer).", headers=_CHALLENGE)
    return token if token.startswith(_KEY_PREFIX) else None


def access_token(incoming: dict[bytes, bytes]) -> bytes:
    """The access token that the request carries; Forbidden for an API key, Unauthenticated when it carries nothing."""
    token = bearer_token(incoming)
    if token.startswith(_KEY_PREFIX) or (not token and incoming.get(b"x-api-key")):
        raise Forbidden("API keys don't open this address: sign in.")
    if not token:
        raise Unauthenticated("Sign in, and send the access token as Authorization: Bearer.", headers=_CHALLENGE)
    return token


def bearer_token(incoming: dict[bytes, bytes]) -> bytes:
    """The token of an Authorization header, or nothing."""
    authorization = incoming.get(b"authorization", b"")
    return authorization[7:].strip() if authorization[:7].lower() == _BEARER else b""
