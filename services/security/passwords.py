"""Passwords: hashed with argon2id, and the older bcrypt hashes still verified so that they can be replaced.

Both functions take about 30 ms and 19 MiB: a server has them done by `services.auth_process`, one at a time.
"""

import base64
import re
import secrets
import unicodedata

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's password storage cheat sheet: argon2id with 19 MiB, two passes, one lane. RFC 9106 recommends 64 MiB and
# more where memory allows; here a sign-in must not take memory and cores from the models. Salt and tag as in RFC 9106.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, salt_len=16)

# Up to 2**14 rounds, seconds of work: a hash that asks for more is none that a platform of ours has made.
_BCRYPT = re.compile(r"\$2[ab]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72


def hash_password(password: str) -> str:
    """The argon2id hash of a password in the PHC string format, salt and parameters included."""
    return _HASHER.hash(_bytes(unicodedata.normalize("NFKC", password)))


def verify_password(stored: str | None, given: str) -> tuple[bool, str | None]:
    """Whether the password is the stored one, and a new hash if it is and the stored one is out of date.

    `stored` is None for a user who isn't there or has no password: the answer is no, after the same work. Check
    only afterwards whether the user is active, so that a disabled one can't be told apart by time either.
    """
    if stored is not None and _BCRYPT.fullmatch(stored):
        return (True, hash_password(given)) if _is_bcrypt_of(stored, given) else (False, None)
    try:
        _HASHER.verify(_nobodys_hash() if stored is None else stored, _bytes(unicodedata.normalize("NFKC", given)))
    except (VerificationError, InvalidHashError):
        return False, None
    return stored is not None, hash_password(given) if stored and _HASHER.check_needs_rehash(stored) else None


def _is_bcrypt_of(stored: str, given: str) -> bool:
    # As bcrypt always did: the text as it was typed, no more than 72 bytes of it, and never a NUL.
    typed = _bytes(given)
    return bcrypt.checkpw(typed[:_BCRYPT_BYTES], stored.encode()) and b"\0" not in typed


def _nobodys_hash() -> str:
    """A well-formed hash of no known password, which costs as much to verify as any of today's."""
    salt, tag = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    costs = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${tag}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # what isn't Unicode is a wrong password, not a crash
