"""The keys that access tokens are signed with, each under a public name: the first one signs, all of them verify.

To change the key without signing anybody out, put a new one in front, and take the old one away once its tokens have
expired.
"""

import re

from registry.errors import SettingsError

SECRET_BYTES = 32  # as many as HMAC-SHA256 gives out (RFC 7518, section 3.2)
_KID = re.compile(r"[A-Za-z0-9._-]{1,32}")


def parse(text: str, source: str) -> dict[str, bytes]:
    """The keys by name, in the order of `kid:secret,kid:secret`; SettingsError, which shows no secret, if it isn't."""
    ring: dict[str, bytes] = {}
    for number, part in enumerate(text.split(","), start=1):
        kid, _, secret = part.strip().partition(":")
        if not _KID.fullmatch(kid) or not secret:
            raise SettingsError(f"{source}: key {number} is not written as kid:secret")
        if len(secret.encode()) < SECRET_BYTES:
            raise SettingsError(f"{source}: key {number} is too short: a secret has at least {SECRET_BYTES} bytes")
        if kid in ring:
            raise SettingsError(f"{source}: key {number} has the name of an earlier one")
        ring[kid] = secret.encode()
    return ring
