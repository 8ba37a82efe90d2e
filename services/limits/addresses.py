"""Which slot of a limiter's file an address counts in: a keyed hash of it, so that nobody can choose whose slot to fill.

The slots are few enough to bound the file (64 MiB, and only if all were used). Two addresses that share one share its
limit: with 100 of them signing in within a minute, that happens to one in 160.
"""

import hashlib

from registry.login_attempts import network_of

SLOTS = 2**14


class AddressSlots:
    """The slot of each address; all of an IPv6 /64 have the same, for one host has them all."""

    def __init__(self, key: bytes) -> None:
        """`key` has at most 64 bytes."""
        self._key = key

    def __call__(self, address: str) -> int:
        """The slot of an address as the server names it."""
        digest = hashlib.blake2b(network_of(address).encode(), key=self._key, digest_size=8).digest()
        return int.from_bytes(digest) % SLOTS
