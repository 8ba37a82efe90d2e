"""What a known caller may do: a key what its endpoint and scopes say, a signed-in user what their role permits."""

from registry.catalog import EndpointStatus
from registry.errors import Forbidden
from services.directory import Directory, KeyEntry
from services.middleware.control import NOTHING, ControlPlane
from services.request import RequestContext
from services.security.bearer import Identity
from services.security.permissions import Permission, allows

WHOLE_PLATFORM = frozenset(("/metrics",))  # says something of every endpoint: a scope of its own


class Access:
    """Raises Forbidden (403). The control plane asks for its permissions itself; keys open nothing of it."""

    def __init__(self, directory: Directory, control: ControlPlane = NOTHING) -> None:
        self._directory, self._of_people = directory, control.routes

    def __call__(self, context: RequestContext) -> None:
        if context.key is not None:
            self._of_key(context.key, context)
        elif context.identity is not None:
            self._of_user(context.identity, context)

    def _of_key(self, key: KeyEntry, context: RequestContext) -> None:
        # One model's server has routes that no path of its endpoint names (uploads, say): they are its endpoint's too.
        endpoint = context.endpoint or self._directory.alone
        if context.endpoint is None:
            if context.route in self._of_people:
                raise Forbidden("API keys don't open this address: sign in.")
            if context.path in WHOLE_PLATFORM:
                if not key.scopes.metrics:
                    raise Forbidden("This API key does not have the scope metrics.")
                return
        opened = endpoint.id if endpoint is not None else None if self._directory.is_single else key.endpoint_id
        if key.endpoint_id not in (None, opened):
            raise Forbidden("This API key is not for this endpoint.")
        if endpoint is None:
            return
        predicts = key.scopes.endpoints
        if predicts is not None and endpoint.name not in predicts:
            raise Forbidden("This API key does not have the scope to predict with this endpoint.")
        if endpoint.status == EndpointStatus.INACTIVE:
            raise Forbidden("This endpoint is not active.")

    def _of_user(self, who: Identity, context: RequestContext) -> None:
        """A signed-in user, who may do here what their keys could at most."""
        if context.endpoint is None and context.route in self._of_people:
            return
        role = who.user.role
        asked = Permission.MONITORING_READ if context.path in WHOLE_PLATFORM else Permission.PREDICT
        if not allows(role, asked):
            raise Forbidden("Your role does not permit this.", {"role": role})
        endpoint = context.endpoint or self._directory.alone
        if endpoint is not None and endpoint.status == EndpointStatus.INACTIVE:
            raise Forbidden("This endpoint is not active.")
