"""The response headers that tell a caller about its limit.

`RateLimit-Policy` and `RateLimit` follow draft-ietf-httpapi-ratelimit-headers-11 (a draft: look here when it moves);
the `X-RateLimit-*` three are the older habit, with the reset as epoch seconds.
"""

from functools import lru_cache
from math import ceil
from time import time

from services.limits.rule import Decision, Limit

Header = tuple[bytes, bytes]


def headers(decision: Decision) -> list[Header]:
    """Return the ASGI headers for an answer, with `Retry-After` if it was refused and waiting helps."""
    _, limit, remaining, reset, retry_after = decision
    policy, legacy = _fixed(limit)
    found = [
        policy,
        (b"ratelimit", b'"default";r=%d;t=%d' % (remaining, reset)),
        legacy,
        (b"x-ratelimit-remaining", b"%d" % remaining),
        (b"x-ratelimit-reset", b"%d" % (ceil(time()) + reset)),
    ]
    if retry_after:
        found.append((b"retry-after", b"%d" % retry_after))
    return found


@lru_cache(maxsize=4096)
def _fixed(limit: Limit) -> tuple[Header, Header]:
    """Return the two headers that depend on the limit alone."""
    policy = b'"default";q=%d;w=%d' % (limit.count, limit.seconds)
    return (b"ratelimit-policy", policy), (b"x-ratelimit-limit", b"%d" % limit.count)
