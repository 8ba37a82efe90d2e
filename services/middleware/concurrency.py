"""How many requests may be under way at once: a rule of its own, for a key, for a user, and for the whole machine."""

from registry.errors import RateLimited, Unavailable
from registry.settings import Settings
from services.limits.in_flight import InFlight
from services.request import RequestContext

_SOON = {"retry-after": "1"}  # nobody knows when one of them ends
_WHOLE = 1


class Concurrency:
    """Raises RateLimited (429) when key or user has too many under way, Unavailable (503) when all together have.

    What is let in is counted until it is answered or given up: `Record.end` says so.
    """

    def __init__(self, chosen: Settings) -> None:
        self._of_key, self._of_user, self._of_all = chosen.key_concurrency, chosen.user_concurrency, chosen.concurrency
        self._keys, self._users, self._all = (
            InFlight(chosen.home / f"limits.{name}") for name in ("keys-at-once", "users-at-once", "all-at-once")
        )

    def __call__(self, context: RequestContext) -> None:
        if context.exempt:
            return
        if self._of_all is not None and not enter(self._all, _WHOLE, self._of_all, context):
            raise Unavailable("Too many requests at once; try again shortly.", headers=_SOON)
        if context.key is not None:
            self._person(self._keys, context.key.id, self._of_key, "This API key", context)
        elif context.identity is not None:
            self._person(self._users, context.identity.user.id, self._of_user, "This user", context)

    def _person(self, counts: InFlight, slot: int, most: int | None, who: str, context: RequestContext) -> None:
        if most is not None and not enter(counts, slot, most, context):
            details = {"at_once": most, "retry_after": 1}
            raise RateLimited(f"{who} has {most} requests under way; wait for one to end.", details, _SOON)


def wanted(chosen: Settings) -> bool:
    """Whether there is any such rule."""
    return any(most is not None for most in (chosen.key_concurrency, chosen.user_concurrency, chosen.concurrency))


def enter(counts: InFlight, slot: int, most: int, context: RequestContext) -> bool:
    """Count the request in, and out again at its end."""
    if not counts.enter(slot, most):
        return False
    context.at_end = (*context.at_end, lambda: counts.leave(slot))
    return True
