"""API keys: `mp_<env>_<id>_<secret>_<crc>`, shown once, stored only as a keyed hash.

The prefix names product and environment, the id is public, the secret has 256 bits, and the last six characters are
the CRC-32 of all before them, so that a typing error or a secret scanner's find is told apart without the registry.
A fast keyed hash is right here: nobody guesses 256 bits, and a slow hash would be paid on every request.
"""

import hashlib
import re
import secrets
import zlib
from string import ascii_letters, digits
from typing import NamedTuple

PREFIX = "mp_"
PATTERN = re.compile(r"mp_[a-z]{2,8}_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}")  # for secret scanners too

_ALPHABET = digits + ascii_letters


class MintedKey(NamedTuple):
    """A new key: its public id, the text that is shown once, and the hash that is stored."""

    key_id: str
    text: str
    key_hash: str


def mint(environment: str, pepper: bytes) -> MintedKey:
    """Make a key for `environment` (`live`, `test`)."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(43))
    body = f"{PREFIX}{environment}_{key_id}_{secret}"
    text = f"{body}_{checksum(body)}"
    return MintedKey(key_id, text, KeyHasher(pepper)(text.encode()).hex())


class KeyHasher:
    """HMAC-SHA256 (RFC 2104) of whole keys under one pepper: what the registry stores and what a lookup goes by.

    The pepper's two hash states are made once. `hmac.digest` would give up the interpreter's lock in every call, and a
    request would then wait for a slow model's thread to give it back.
    """

    def __init__(self, pepper: bytes) -> None:
        block = (hashlib.sha256(pepper).digest() if len(pepper) > 64 else pepper).ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def __call__(self, text: bytes) -> bytes:
        """The 32 bytes of one key's hash."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


def checksum(body: str) -> str:
    """CRC-32 of the key's body as six base-62 characters."""
    value, characters = zlib.crc32(body.encode()), []
    for _ in range(6):
        value, digit = divmod(value, 62)
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))


def is_well_formed(text: str) -> bool:
    """Whether the text has a key's shape and its checksum is right."""
    return PATTERN.fullmatch(text) is not None and checksum(text[:-7]) == text[-6:]
