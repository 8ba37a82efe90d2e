"""From where a request comes, and whom to believe about it: the proxies that the operator lists, and nobody else.

Anybody can write `X-Forwarded-For`. A listed proxy appends to it the address that it was called from, so the list is
read from its right end: the first hop that is no listed proxy is the caller, and what stands left of it is hearsay.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

_WITH_PORT = re.compile(r"\[(.+)\](?::\d+)?|([0-9.]+):\d+")


class Peer(NamedTuple):
    """A caller's address (empty where there is none, as behind a Unix socket), and whether it came by TLS."""

    address: str
    secure: bool


class Proxies:
    """The proxies that are believed, by address or network."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._is_listed = lru_cache(maxsize=4096)(self._look_up)

    def trusts(self, address: str) -> bool:
        """Whether the one at this address is a listed proxy."""
        return bool(self._networks) and self._is_listed(address)

    def caller(self, peer: Peer, headers: Iterable[tuple[bytes, bytes]]) -> Peer:
        """Who calls through the one who is connected: that one itself, unless it is a listed proxy and says who."""
        if not self.trusts(peer.address):
            return peer
        hops: list[str] = []
        schemes: list[str] = []
        for name, value in headers:
            if name == b"x-forwarded-for":
                hops += value.decode("latin-1").split(",")
            elif name == b"x-forwarded-proto":
                schemes += value.decode("latin-1").split(",")
        secure = schemes[-1].strip().lower() == "https" if schemes else peer.secure
        return Peer(self._nearest_stranger(hops, peer.address), secure)

    def _nearest_stranger(self, hops: Sequence[str], address: str) -> str:
        for hop in reversed(hops):
            found = _address_in(hop.strip())
            if found is None:
                break
            address = found
            if not self.trusts(found):
                break
        return address

    def _look_up(self, address: str) -> bool:
        found = _address_in(address)
        return found is not None and any(ipaddress.ip_address(found) in network for network in self._networks)


NO_PROXIES = Proxies(())


def _address_in(text: str) -> str | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]:80`; an IPv4 one that is written as IPv6 in its own form."""
    parts = _WITH_PORT.fullmatch(text)
    try:
        ip = ipaddress.ip_address((parts[1] or parts[2]) if parts else text)
    except ValueError:
        return None
    return str(getattr(ip, "ipv4_mapped", None) or ip)
