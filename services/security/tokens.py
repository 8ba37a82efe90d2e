"""Access tokens: short-lived JWTs (RFC 7519, profile RFC 9068) that this platform signs and that it alone verifies.

HMAC-SHA256 is pinned, and a token's header is compared whole with the few headers that this platform writes: what it
says about algorithms, keys and extensions is never followed. The signature is checked before the claims are read.
A token that was once found right is remembered, for PyJWT takes longer for one (0.1 ms) than the whole key path.
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Self

import jwt

from registry.errors import Unauthenticated
from registry.settings import settings

ISSUER = "modelport"
LONGEST = 3600  # seconds that any token may be valid, whatever it says of itself
LEEWAY = 5  # seconds that clocks may differ
LARGEST = 4096  # bytes
REMEMBERED = 4096  # tokens

_SHAPE = re.compile(rb"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")
_SUBJECT = re.compile(r"[1-9][0-9]{0,18}")
_NAMES = frozenset(("iss", "aud", "sub", "sid", "jti", "iat", "exp"))
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says; moments in seconds since the epoch. The role isn't there: it is looked up."""

    user_id: int
    sid: str
    jti: str
    issued_at: int
    valid_from: int
    expires_at: int


class AccessTokens:
    """Issues and verifies the tokens of one environment with one key ring; the ring's first key signs."""

    def __init__(self, ring: Mapping[str, bytes], environment: str, seconds: int) -> None:
        self.seconds = seconds
        self._audience = f"modelport:{environment}"
        self._jws = jwt.PyJWS(algorithms=[_ALGORITHM])
        self._kid, self._key = next(iter(ring.items()))
        self._keys = {self._sign(b"{}", kid, key).partition(".")[0].encode(): key for kid, key in ring.items()}
        self._known: dict[bytes, Claims] = {}

    @classmethod
    def of_settings(cls) -> Self:
        """The tokens of this platform; SettingsError when there is no key for them."""
        chosen = settings()
        return cls(chosen.jwt_ring(), chosen.environment, 60 * chosen.access_token_minutes)

    def issue(self, user_id: int, sid: str, now: float) -> str:
        """A token for a user's session, valid from now on; `now` in seconds since the epoch."""
        claims: dict[str, Any] = {"iss": ISSUER, "aud": self._audience, "sub": str(user_id), "sid": sid}
        claims |= {"jti": secrets.token_hex(16), "iat": int(now), "exp": int(now) + self.seconds}
        return self._sign(json.dumps(claims, separators=(",", ":")).encode(), self._kid, self._key)

    def verify(self, token: bytes, now: float) -> Claims:
        """What the token says; Unauthenticated, always with the same message, if it isn't valid now."""
        claims = self._known.get(token)
        if claims is None:
            claims = self._read(token)
        if not claims.valid_from - LEEWAY <= now < claims.expires_at + LEEWAY:
            refuse()
        return claims

    def _read(self, token: bytes) -> Claims:
        try:
            claims = self._claims(_object(self._payload(token)))
        except (ValueError, RecursionError, jwt.PyJWTError):
            refuse()
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[token] = claims
        return claims

    def _sign(self, payload: bytes, kid: str, key: bytes) -> str:
        return self._jws.encode(payload, key, _ALGORITHM, {"kid": kid, "typ": "at+jwt"})

    def _payload(self, token: bytes) -> bytes:
        found = _SHAPE.fullmatch(token) if len(token) <= LARGEST else None
        key = self._keys.get(found[1]) if found else None
        if key is None:
            raise ValueError("not a token of this platform")
        payload: bytes = self._jws.decode(token, key, [_ALGORITHM])
        return payload

    def _claims(self, given: dict[str, Any]) -> Claims:
        _require(given.keys() >= _NAMES and given["iss"] == ISSUER and given["aud"] == self._audience)
        user, sid, jti = (_text(given[name]) for name in ("sub", "sid", "jti"))
        begins, ends = _moment(given["iat"]), _moment(given["exp"])
        _require(_SUBJECT.fullmatch(user) is not None)
        _require(0 < ends - begins <= LONGEST)
        return Claims(int(user), sid, jti, begins, max(begins, _moment(given.get("nbf", begins))), ends)


def refuse() -> NoReturn:
    """Raise Unauthenticated (401) as for every token that isn't valid, for whatever reason."""
    raise Unauthenticated(
        "This bearer token is not valid.", headers={"www-authenticate": 'Bearer error="invalid_token"'}
    ) from None


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError("a claim is not as it must be")


def _object(payload: bytes) -> dict[str, Any]:
    """A JSON object in which no name comes twice: two readers could take different ones."""
    found = json.loads(payload, object_pairs_hook=_once)
    _require(type(found) is dict)
    return dict(found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    _require(len(found) == len(pairs))
    return found


def _text(value: Any) -> str:
    _require(type(value) is str and 0 < len(value) <= 64)
    return str(value)


def _moment(value: Any) -> int:
    """A moment as we write it, in whole seconds; not a truth value, which Python takes for a number."""
    _require(type(value) is int)
    return int(value)
