"""Of all the tokens that can be sent, only those that this platform signed, for now, are taken."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Unauthenticated
from services.security.tokens import LARGEST, LEEWAY, LONGEST, REMEMBERED, AccessTokens

KEY, OLD = b"k" * 32, b"o" * 32
NOW = 1_800_000_000
TOKENS = AccessTokens({"new": KEY, "old": OLD}, "live", 900)
HEADER = {"alg": "HS256", "kid": "new", "typ": "at+jwt"}
CLAIMS = {
    **{"iss": "modelport", "aud": "modelport:live", "sub": "7", "sid": "s" * 22, "jti": "j" * 32},
    **{"iat": NOW, "exp": NOW + 900},
}
GOOD = TOKENS.issue(7, "s" * 22, NOW)


def encoded(part: bytes) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def signed(claims: str | bytes | dict[str, Any], header: str | dict[str, Any] = HEADER, key: bytes = KEY) -> bytes:
    """A token with a right HMAC-SHA256 signature over whatever is given, which no library would write."""
    parts = [part if isinstance(part, str | bytes) else json.dumps(part) for part in (header, claims)]
    texts = [part.encode() if isinstance(part, str) else part for part in parts]
    body = b".".join(map(encoded, texts))
    return body + b"." + encoded(jwt.PyJWS().get_algorithm_by_name("HS256").sign(body, key))


def compact(**changes: Any) -> bytes:
    """The good claims but for these, in the good header."""
    return library({**CLAIMS, **changes})


def library(claims: dict[str, Any], key: Any = KEY, algorithm: str | None = "HS256", **header: Any) -> bytes:
    """A token as PyJWT writes it."""
    payload = json.dumps(claims).encode()
    return jwt.PyJWS().encode(payload, key, algorithm, {"kid": "new", "typ": "at+jwt"} | header).encode()


def without(name: str) -> bytes:
    """The good token without one claim."""
    return library({key: value for key, value in CLAIMS.items() if key != name})


def literal(name: str, text: str) -> bytes:
    """The good token in which one claim is this piece of JSON."""
    pieces = {key: json.dumps(value) for key, value in CLAIMS.items()} | {name: text}
    return bare("{" + ",".join(f'"{key}":{value}' for key, value in pieces.items()) + "}")


def bare(claims: str | bytes) -> bytes:
    """Any payload under the platform's own header and key."""
    payload = claims.encode() if isinstance(claims, str) else claims
    return jwt.PyJWS().encode(payload, KEY, "HS256", {"kid": "new", "typ": "at+jwt"}).encode()


def unsigned(algorithm: str) -> bytes:
    """A token that claims to need no signature."""
    return encoded(json.dumps(HEADER | {"alg": algorithm}).encode()) + b"." + GOOD.encode().split(b".")[1] + b"."


def asymmetric(algorithm: str, signature_bytes: int) -> bytes:
    """A token that claims to be signed by a private key, with a signature of the right length."""
    parts = HEADER | {"alg": algorithm}, CLAIMS
    return b".".join([*(encoded(json.dumps(part).encode()) for part in parts), encoded(b"s" * signature_bytes)])


HEAD, BODY, SIGNATURE = GOOD.encode().split(b".")

REFUSED: dict[str, Callable[[], bytes]] = {
    "alg none": lambda: unsigned("none"),
    "alg None": lambda: unsigned("None"),
    "alg nOnE": lambda: unsigned("nOnE"),
    "alg none, signed": lambda: signed(CLAIMS, HEADER | {"alg": "none"}),
    "alg empty": lambda: signed(CLAIMS, HEADER | {"alg": ""}),
    "alg a list": lambda: signed(CLAIMS, HEADER | {"alg": ["HS256"]}),
    "alg missing": lambda: signed(CLAIMS, {"kid": "new", "typ": "at+jwt"}),
    "alg HS384": lambda: library(CLAIMS, KEY * 2, "HS384"),
    "alg HS512": lambda: library(CLAIMS, KEY * 2, "HS512"),
    "alg RS256": lambda: asymmetric("RS256", 256),
    "alg PS256": lambda: asymmetric("PS256", 256),
    "alg ES256": lambda: asymmetric("ES256", 64),
    "alg EdDSA": lambda: asymmetric("EdDSA", 64),
    "alg HS256 in small letters": lambda: signed(CLAIMS, HEADER | {"alg": "hs256"}),
    "alg RS256, signed by HMAC": lambda: signed(CLAIMS, HEADER | {"alg": "RS256"}),
    "the name of a key as the secret": lambda: signed(CLAIMS, key=b"new"),
    "an empty secret": lambda: signed(CLAIMS, key=b""),
    "another secret": lambda: library(CLAIMS, b"x" * 32),
    "the other key's secret": lambda: library(CLAIMS, OLD),
    "kid unknown": lambda: library(CLAIMS, kid="newer"),
    "kid missing": lambda: signed(CLAIMS, {"alg": "HS256", "typ": "at+jwt"}),
    "kid a path": lambda: signed(CLAIMS, HEADER | {"kid": "../../../dev/null"}, b""),
    "kid SQL": lambda: library(CLAIMS, kid="new' UNION SELECT 'x' --"),
    "kid a number": lambda: signed(CLAIMS, HEADER | {"kid": 1}),
    "kid a list": lambda: signed(CLAIMS, HEADER | {"kid": ["new"]}),
    "kid null": lambda: signed(CLAIMS, HEADER | {"kid": None}),
    "kid twice": lambda: signed(CLAIMS, '{"alg":"HS256","kid":"old","kid":"new","typ":"at+jwt"}'),
    "typ JWT": lambda: library(CLAIMS, typ="JWT"),
    "typ missing": lambda: signed(CLAIMS, {"alg": "HS256", "kid": "new"}),
    "crit": lambda: library(CLAIMS, crit=["exp"]),
    "crit empty": lambda: signed(CLAIMS, HEADER | {"crit": []}),
    "b64 false": lambda: signed(CLAIMS, HEADER | {"b64": False, "crit": ["b64"]}),
    "jwk": lambda: library(CLAIMS, jwk={"kty": "oct", "k": "eA"}),
    "jku": lambda: library(CLAIMS, jku="https://keys.example/"),
    "x5u": lambda: library(CLAIMS, x5u="https://keys.example/"),
    "x5c": lambda: library(CLAIMS, x5c=["MII"]),
    "zip": lambda: library(CLAIMS, zip="DEF"),
    "a header that is no object": lambda: signed(CLAIMS, "[]"),
    "a header that is no JSON": lambda: signed(CLAIMS, "{"),
    **{f"{name} missing": (lambda name=name: without(name)) for name in CLAIMS},  # type: ignore[misc]
    **{f"{name} null": (lambda name=name: compact(**{name: None})) for name in CLAIMS},  # type: ignore[misc]
    "iss another": lambda: compact(iss="modelport.example"),
    "aud another environment": lambda: compact(aud="modelport:test"),
    "aud a list": lambda: compact(aud=["modelport:live"]),
    "aud many": lambda: compact(aud=["modelport:live", "elsewhere"]),
    "sub a number": lambda: compact(sub=7),
    "sub zero": lambda: compact(sub="0"),
    "sub negative": lambda: compact(sub="-7"),
    "sub with a space": lambda: compact(sub="7 "),
    "sub of other digits": lambda: compact(sub="\u0667"),
    "sub SQL": lambda: compact(sub="7 OR 1=1"),
    "sub too large": lambda: compact(sub="9" * 64),
    "sid empty": lambda: compact(sid=""),
    "sid a list": lambda: compact(sid=["s"]),
    "jti a number": lambda: compact(jti=1),
    "jti too long": lambda: compact(jti="j" * 65),
    "exp text": lambda: compact(exp=str(NOW + 900)),
    "exp true": lambda: compact(exp=True),
    "exp a fraction": lambda: compact(exp=NOW + 900.0),
    "exp NaN": lambda: literal("exp", "NaN"),
    "exp Infinity": lambda: literal("exp", "Infinity"),
    "exp 1e400": lambda: literal("exp", "1e400"),
    "exp 10^400": lambda: literal("exp", "1" + "0" * 400),
    "exp of digits without end": lambda: literal("exp", "9" * 2000),
    "exp negative": lambda: compact(exp=-1),
    "exp an object": lambda: compact(exp={}),
    "exp passed": lambda: compact(iat=NOW - 900 - LEEWAY, exp=NOW - LEEWAY),
    "exp before iat": lambda: compact(exp=NOW - 1),
    "exp at iat": lambda: compact(exp=NOW),
    "exp over the cap": lambda: compact(exp=NOW + LONGEST + 1),
    "iat ahead": lambda: compact(iat=NOW + LEEWAY + 1, exp=NOW + 900),
    "iat long ago": lambda: compact(iat=0),
    "iat negative": lambda: compact(iat=-1, exp=1),
    "iat false": lambda: compact(iat=False),
    "nbf ahead": lambda: compact(nbf=NOW + LEEWAY + 1),
    "nbf true": lambda: compact(nbf=True),
    "nbf text": lambda: compact(nbf="now"),
    "nbf null": lambda: compact(nbf=None),
    "a claim twice": lambda: literal("sub", '"7","sub":"8"'),
    "claims that are a list": lambda: bare("[]"),
    "claims that are text": lambda: bare('"admin"'),
    "claims that are no JSON": lambda: bare("{"),
    "claims that are not UTF-8": lambda: bare(b'{"iss":"\xff"}'),
    "claims without end": lambda: bare("[" * 2000),
    "a token in a token": lambda: bare(GOOD),
    "no signature": lambda: HEAD + b"." + BODY + b".",
    "two parts": lambda: HEAD + b"." + BODY,
    "four parts": lambda: GOOD.encode() + b".e30",
    "five parts, as encrypted ones have": lambda: b".".join((HEAD, b"", BODY, BODY, SIGNATURE)),
    "a byte more": lambda: GOOD.encode() + b"A",
    "a line feed more": lambda: GOOD.encode() + b"\n",
    "a space before": lambda: b" " + GOOD.encode(),
    "a NUL more": lambda: GOOD.encode() + b"\0",
    "padded": lambda: GOOD.encode() + b"=",
    "padded in the middle": lambda: HEAD + b"=." + BODY + b"." + SIGNATURE,
    "another base64 alphabet": lambda: HEAD + b"." + BODY + b"." + b"+/" + SIGNATURE[2:],
    "unused bits set": lambda: GOOD.encode()[:-1] + bytes([GOOD.encode()[-1] + 1]),
    "another body": lambda: HEAD + b"." + encoded(json.dumps(CLAIMS | {"sub": "1"}).encode()) + b"." + SIGNATURE,
    "JSON form": lambda: json.dumps({"payload": "e30", "signatures": []}).encode(),
    "empty": lambda: b"",
    "dots": lambda: b"..",
    "not ASCII": lambda: "ключ".encode(),
    "longer than any": lambda: compact(note="n" * LARGEST),
    "ten million bytes": lambda: b"." * 10_000_000,
    "ten million bytes signed": lambda: compact(note="n" * 10_000_000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_ours_and_right_is_refused_in_the_same_words(name: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        TOKENS.verify(REFUSED[name](), NOW)
    assert refused.value.message == "This bearer token is not valid."
    assert refused.value.headers == {"www-authenticate": 'Bearer error="invalid_token"'}
    assert refused.value.details == {} and refused.value.__cause__ is None and refused.value.__suppress_context__


def test_what_was_issued_is_taken_and_says_who_and_which_session() -> None:
    claims = TOKENS.verify(GOOD.encode(), NOW)
    assert (claims.user_id, claims.sid) == (7, "s" * 22)
    assert (claims.issued_at, claims.expires_at) == (NOW, NOW + 900)
    assert TOKENS.verify(TOKENS.issue(7, "s", NOW).encode(), NOW).jti != claims.jti


@pytest.mark.parametrize(
    "taken",
    [compact(), compact(nbf=NOW), compact(exp=NOW + LONGEST), compact(iat=NOW + LEEWAY), compact(role="admin", note=1)],
)
def test_the_tokens_next_to_the_refused_ones_are_taken(taken: bytes) -> None:
    assert TOKENS.verify(taken, NOW).user_id == 7


def test_a_token_without_a_role_or_with_any_says_nothing_of_the_role() -> None:
    assert not hasattr(TOKENS.verify(compact(role="admin"), NOW), "role")


def test_the_first_key_signs_and_every_key_verifies_until_it_is_taken_away() -> None:
    before, after = AccessTokens({"old": OLD}, "live", 900), AccessTokens({"new": KEY}, "live", 900)
    token = before.issue(7, "s", NOW).encode()
    assert TOKENS.verify(token, NOW).user_id == 7
    assert after.verify(TOKENS.issue(7, "s", NOW).encode(), NOW).user_id == 7
    with pytest.raises(Unauthenticated):
        after.verify(token, NOW)


def test_a_token_ends_even_where_it_was_seen_before() -> None:
    token = TOKENS.issue(8, "s", NOW).encode()
    assert TOKENS.verify(token, NOW + 900 + LEEWAY - 1).user_id == 8
    for moment in (NOW + 900 + LEEWAY, NOW - LEEWAY - 1):
        with pytest.raises(Unauthenticated):
            TOKENS.verify(token, moment)


def test_no_more_tokens_are_remembered_than_are_worth_it() -> None:
    tokens = AccessTokens({"new": KEY}, "live", 900)
    tokens._known.update(dict.fromkeys((b"%d" % number for number in range(REMEMBERED)), TOKENS.verify(compact(), NOW)))
    assert tokens.verify(GOOD.encode(), NOW).user_id == 7 and len(tokens._known) == 1
    with suppress(Unauthenticated):
        tokens.verify(GOOD.encode() + b"A", NOW)
    assert len(tokens._known) == 1


@given(st.binary() | st.text(alphabet="eyJ0._-=").map(str.encode))
def test_any_bytes_are_refused(token: bytes) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token, NOW)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, change: int) -> None:
    token = bytearray(GOOD.encode())
    token[place] ^= change
    with pytest.raises(Unauthenticated):
        TOKENS.verify(bytes(token), NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*CLAIMS, "nbf"]), JSON, min_size=1))
def test_claims_of_any_kind_raise_nothing_else(changes: dict[str, Any]) -> None:
    with suppress(Unauthenticated):
        TOKENS.verify(compact(**changes), NOW)


@given(JSON)
def test_headers_of_any_kind_are_refused(header: Any) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(signed(CLAIMS, json.dumps(header)), NOW)


@given(st.integers(1, 2**63 - 1), st.text(min_size=1, max_size=64), st.integers(0, 2**40), st.integers(1, LONGEST))
def test_whatever_is_issued_is_taken(user: int, sid: str, now: int, seconds: int) -> None:
    tokens = AccessTokens({"k": KEY}, "test", seconds)
    claims = tokens.verify(tokens.issue(user, sid, now).encode(), now)
    assert (claims.user_id, claims.sid, claims.expires_at) == (user, sid, now + seconds)
