"""Who calls: an API key in `X-API-Key` or as bearer token, or a signed-in user's access token as bearer token.

Deny by default; only what is public, or needed to sign in, is open. A bearer token that begins like a key is one.
What the caller may do comes after their call was counted: `access`.
"""

from collections.abc import Callable, Iterable
from time import time

from registry.errors import InvalidInput, Unauthenticated
from services.directory import Directory, KeyEntry
from services.middleware.control import NOTHING, ControlPlane
from services.request import Header, RequestContext
from services.security.api_keys import PREFIX
from services.security.bearer import identify

_BEARER = b"bearer "
_KEY_PREFIX = PREFIX.encode()
_CHALLENGE = {"www-authenticate": "Bearer"}
_INVALID = {"www-authenticate": 'Bearer error="invalid_token"'}


class Authentication:
    """Puts the caller's key or identity into the context, or raises Unauthenticated (401).

    `refused` hears of each call that is refused, and may raise another refusal in its place. It hears of no other: the
    limit of an address that guesses keys never stands in the way of a valid one.
    """

    def __init__(
        self, directory: Directory, refused: Callable[[RequestContext], None], control: ControlPlane = NOTHING
    ) -> None:
        self._directory, self._refused = directory, refused
        self._of_people, self._open = control.routes, control.open

    def __call__(self, context: RequestContext) -> None:
        if context.exempt:
            return
        try:
            if len(context.scope["headers"]) != len(context.incoming):
                refuse_repeated(context.scope["headers"])
            if context.endpoint is None and context.route in self._of_people:
                return self._person(context)
            key = credential(context.incoming)
            if key is None:
                context.identity = identify(bearer_token(context.incoming), self._directory)
            else:
                context.key = self._valid(key)
        except (Unauthenticated, InvalidInput):
            self._refused(context)
            raise

    def _person(self, context: RequestContext) -> None:
        """A signed-in user; a valid key is known too, though it opens nothing here."""
        if context.route in self._open:
            return
        token = bearer_token(context.incoming)
        key = token if token.startswith(_KEY_PREFIX) else b"" if token else context.incoming.get(b"x-api-key")
        if key:
            context.key = self._valid(key)
        elif token:
            context.identity = identify(token, self._directory)
        else:
            raise Unauthenticated("Sign in, and send the access token as Authorization: Bearer.", headers=_CHALLENGE)

    def _valid(self, text: bytes) -> KeyEntry:
        key = self._directory.key(text)
        if key is None or not key.active or key.not_after < time():
            raise Unauthenticated("This API key is not valid: wrong, revoked or expired.", headers=_INVALID)
        return key


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
    token = bearer_token(incoming)
    if not token:
        raise Unauthenticated("An API key is required (X-API-Key), or an access token (Bearer).", headers=_CHALLENGE)
    return token if token.startswith(_KEY_PREFIX) else None


def bearer_token(incoming: dict[bytes, bytes]) -> bytes:
    """The token of an Authorization header, or nothing."""
    authorization = incoming.get(b"authorization", b"")
    return authorization[7:].strip() if authorization[:7].lower() == _BEARER else b""
