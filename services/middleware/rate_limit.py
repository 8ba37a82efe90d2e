"""Counts the call against its key's limit; the headers say where the key stands, whatever the answer will be."""

from pathlib import Path

from registry.errors import RateLimited
from services.directory import Directory, EndpointEntry, KeyEntry
from services.limits.headers import headers
from services.limits.rule import Decision, Limit
from services.limits.shared import SharedLimiter
from services.request import RequestContext


class RateLimit:
    """Raises RateLimited (429) when the key has used up its limit; exact over all workers of the machine.

    One count knows one limit: a shorter window would forget what a longer one still needs. So the key of one endpoint
    is held to that endpoint's limit wherever it calls, and a key of every endpoint has a count of its own with each
    endpoint that has a limit of its own.
    """

    def __init__(self, directory: Directory, folder: Path, default: Limit) -> None:
        self._directory, self._folder, self._default = directory, folder, default
        self._keys = SharedLimiter(folder / "limits")
        self._of_endpoints: dict[int, SharedLimiter] = {}

    def __call__(self, context: RequestContext) -> None:
        if context.key is None:
            return
        decision = self._decide(context.key, context.endpoint)
        context.headers.extend(headers(decision))
        if not decision.allowed:
            limit = str(decision.limit)
            raise RateLimited(
                f"The limit of {limit} is used up; try again in {decision.retry_after} s.",
                details={"limit": limit, "retry_after": decision.retry_after},
            )

    def _decide(self, key: KeyEntry, endpoint: EndpointEntry | None) -> Decision:
        if key.endpoint_id is not None:
            own = self._directory.endpoints.get(key.endpoint_id)
            return self._keys.hit(key.id, own.limit if own is not None else self._default)
        if endpoint is None or endpoint.limit == self._default:
            return self._keys.hit(key.id, self._default)
        return self._of_endpoint(endpoint.id).hit(key.id, endpoint.limit)

    def _of_endpoint(self, endpoint_id: int) -> SharedLimiter:
        limiter = self._of_endpoints.get(endpoint_id)
        if limiter is None:
            limiter = self._of_endpoints[endpoint_id] = SharedLimiter(self._folder / f"limits.{endpoint_id}")
        return limiter
