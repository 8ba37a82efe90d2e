"""From what was measured to what each class asks for: flows give the shares, a forecast the volume to share out."""

import math
from collections.abc import Iterable, Mapping

from registry.errors import InvalidInput


def shares_of(flows: Iterable[tuple[str, int]]) -> dict[str, float]:
    """Each class's share of all bytes, from flows of (class, bytes); InvalidInput if none carries any."""
    carried: dict[str, int] = {}
    for name, count in flows:
        carried[name] = carried.get(name, 0) + count
    total = sum(carried.values())
    if not total:
        raise InvalidInput("flows: their bytes give each class's share of the traffic, and none of them carries any.")
    return {name: count / total for name, count in sorted(carried.items())}


def rate_of(amount: float, minutes: float) -> int:
    """So many bytes in so many minutes as bit/s, rounded up."""
    return math.ceil(max(0.0, amount) * 8 / (minutes * 60))


def demands_of(shares: Mapping[str, float], volume: int) -> dict[str, int]:
    """Each class's demand of a volume, both bit/s, rounded up."""
    return {name: math.ceil(share * volume) for name, share in shares.items()}
