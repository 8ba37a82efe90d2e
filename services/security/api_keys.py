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


def mint(environment: str, pepper: bytes, entropy: bytes | None = None) -> MintedKey:
    """Make a key for `environment` (`live`, `test`): always the same one of the same 64 bytes, which are random."""
    number = int.from_bytes(secrets.token_bytes(64) if entropy is None else entropy)
    number, public = divmod(number, 62**12)  # what is left has bits enough for every secret to be as likely
    body = f"{PREFIX}{environment}_{_base62(public, 12)}_{_base62(number % 62**43, 43)}"
    text = f"{body}_{checksum(body)}"
    return MintedKey(_base62(public, 12), text, KeyHasher(pepper)(text.encode()).hex())


class KeyHasher:
    """Keyed BLAKE2b (RFC 7693) of whole keys under one pepper: what the registry stores and what a lookup goes by.

    HMAC-SHA256 says as much and takes three times as long. The keyed state is made once; with a key's few bytes nothing
    here gives up the interpreter's lock, which a request would then wait for while a slow model's thread holds it.
    """

    def __init__(self, pepper: bytes) -> None:
        key = hashlib.blake2b(pepper).digest() if len(pepper) > hashlib.blake2b.MAX_KEY_SIZE else pepper
        self._keyed = hashlib.blake2b(key=key, digest_size=32)

    def __call__(self, text: bytes) -> bytes:
        """The 32 bytes of one key's hash."""
        state = self._keyed.copy()
        state.update(text)
        return state.digest()


def checksum(body: str) -> str:
    """CRC-32 of the key's body as six base-62 characters."""
    return _base62(zlib.crc32(body.encode()), 6)


def is_well_formed(text: str) -> bool:
    """Whether the text has a key's shape and its checksum is right."""
    return PATTERN.fullmatch(text) is not None and checksum(text[:-7]) == text[-6:]


def _base62(value: int, length: int) -> str:
    characters = []
    for _ in range(length):
        value, digit = divmod(value, 62)
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))
