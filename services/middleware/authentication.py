"""Who calls: an API key in `X-API-Key` or `Authorization: Bearer`. Deny by default; only PUBLIC is open."""

from time import time

from starlette.types import ASGIApp, Receive, Scope, Send

from registry.catalog import EndpointStatus
from registry.errors import Forbidden, PlatformError, Unauthenticated
from services.directory import Directory, KeyEntry
from services.request import RequestContext, context_of
from services.security.api_keys import PREFIX

PUBLIC = frozenset(("/", "/livez", "/readyz", "/healthz", "/health", "/ping", "/openapi.json", "/docs", "/docs.json"))
PUBLIC_FOLDERS = ("/docs/swagger/", "/docs/page/")
WHOLE_PLATFORM = frozenset(("/metrics",))  # says something of every endpoint: for keys that open every endpoint

_BEARER = b"bearer "
_KEY_PREFIX = PREFIX.encode()
_CHALLENGE = {"www-authenticate": "Bearer"}


class Authentication:
    """Puts the caller's key into the context, or raises Unauthenticated (401) or Forbidden (403)."""

    def __init__(self, app: ASGIApp, directory: Directory) -> None:
        self.app, self._directory = app, directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = context_of(scope)
            if is_public(context.path):
                context.exempt = True
            else:
                context.endpoint = self._directory.paths.get(context.path)
                context.key = self._authenticate(context)
        await self.app(scope, receive, send)

    def _authenticate(self, context: RequestContext) -> KeyEntry:
        key = self._directory.key(credential(context.incoming))
        if key is None or not key.active or key.not_after < time():
            raise Forbidden("This API key is not valid: wrong, revoked or expired.")
        refusal = _refusal(key, context)
        if refusal is not None:
            context.key = key
            raise refusal
        return key


def is_public(path: str) -> bool:
    """Whether a path answers without credentials, limits and log."""
    return path in PUBLIC or path.startswith(PUBLIC_FOLDERS)


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


def _refusal(key: KeyEntry, context: RequestContext) -> PlatformError | None:
    endpoint = context.endpoint
    if endpoint is None:
        if context.path in WHOLE_PLATFORM and key.endpoint_id is not None:
            return Forbidden("This API key is for one endpoint only.")
        return None
    if key.endpoint_id not in (None, endpoint.id):
        return Forbidden("This API key is not for this endpoint.")
    if endpoint.status == EndpointStatus.INACTIVE:
        return Forbidden("This endpoint is not active.")
    return None
