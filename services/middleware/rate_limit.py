"""Counts the call against its caller's limit; the headers say where that stands, whatever the answer will be.

| who calls | what | how often |
|---|---|---|
| a key | anything | its endpoint's limit, else MODELPORT_RATE_LIMIT |
| a signed-in user | an endpoint | the endpoint's limit, else MODELPORT_USER_RATE_LIMIT |
| a signed-in user | anything else | MODELPORT_USER_RATE_LIMIT |
| an address | signing in | MODELPORT_SIGN_IN_RATE_LIMIT |
| an address | anything else, without credentials or with such as aren't valid | MODELPORT_UNAUTHENTICATED_RATE_LIMIT |
| anybody | health, documents, static files | no limit |
"""

from registry.errors import RateLimited
from registry.settings import Settings
from services.directory import Directory, EndpointEntry, KeyEntry
from services.limits.addresses import AddressSlots
from services.limits.headers import headers
from services.limits.rule import Decision, Limit
from services.limits.shared import SharedLimiter
from services.request import RequestContext


class RateLimit:
    """Raises RateLimited (429) when key, user or address has used up its limit; exact over all workers of the machine.

    One count knows one limit: a shorter window would forget what a longer one still needs. So the key of one endpoint
    is held to that endpoint's limit wherever it calls, and a key of every endpoint has a count of its own with each
    endpoint that has a limit of its own; so has a signed-in user.
    """

    def __init__(self, directory: Directory, chosen: Settings) -> None:
        self._directory, self._folder = directory, chosen.home
        self._default = Limit.parse(chosen.rate_limit)
        self._of_user = Limit.parse(chosen.user_rate_limit)
        self._of_sign_in = Limit.parse(chosen.sign_in_rate_limit)
        self._of_stranger = Limit.parse(chosen.unauthenticated_rate_limit)
        self._keys, self._users = self._open("limits"), self._open("limits.users")
        self._sign_ins, self._strangers = self._open("limits.addresses"), self._open("limits.strangers")
        self._of_endpoints: dict[str, SharedLimiter] = {}
        self._slot = AddressSlots(chosen.derived_key("address slots"))

    def __call__(self, context: RequestContext) -> None:
        key = context.key
        decision = self._of_person(context) if key is None else self._decide(key, context.endpoint)
        if decision is not None:
            hold_to(decision, context)

    def refused(self, context: RequestContext) -> None:
        """Count a call that authentication refuses, against its address: never against a key or a user."""
        hold_to(self._strangers.hit(self._slot(context.peer.address), self._of_stranger), context)

    def _decide(self, key: KeyEntry, endpoint: EndpointEntry | None) -> Decision:
        if key.endpoint_id is not None:
            own = self._directory.endpoints.get(key.endpoint_id)
            return self._keys.hit(key.id, own.limit if own is not None else self._default)
        if endpoint is None or endpoint.limit == self._default:
            return self._keys.hit(key.id, self._default)
        return self._of_endpoint(f"limits.{endpoint.id}").hit(key.id, endpoint.limit)

    def _of_person(self, context: RequestContext) -> Decision | None:
        endpoint = context.endpoint
        if context.exempt:
            return None
        if context.identity is None:  # who signs in; anybody else was refused
            return self._sign_ins.hit(self._slot(context.peer.address), self._of_sign_in)
        user = context.identity.user.id
        if endpoint is None or endpoint.limit == self._default:
            return self._users.hit(user, self._of_user)
        return self._of_endpoint(f"limits.users.{endpoint.id}").hit(user, endpoint.limit)

    def _of_endpoint(self, name: str) -> SharedLimiter:
        limiter = self._of_endpoints.get(name)
        if limiter is None:
            limiter = self._of_endpoints[name] = self._open(name)
        return limiter

    def _open(self, name: str) -> SharedLimiter:
        return SharedLimiter(self._folder / name)


def hold_to(decision: Decision, context: RequestContext) -> None:
    """Say where the limit stands; RateLimited when it is used up."""
    context.headers.extend(headers(decision))
    if not decision.allowed:
        limit = str(decision.limit)
        raise RateLimited(
            f"The limit of {limit} is used up; try again in {decision.retry_after} s.",
            details={"limit": limit, "retry_after": decision.retry_after},
        )
