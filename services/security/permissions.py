"""What each role may do: one table, and what isn't in it is refused.

A user's own account (who am I, my password, my sessions, signing out) needs no permission but being signed in.
"""

from enum import StrEnum

from registry.accounts import Role
from registry.errors import Forbidden


class Permission(StrEnum):
    """One thing a route may ask for, as noun:verb; `own` reaches only what belongs to the caller."""

    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    EXPORTS_READ = "exports:read"
    EXPORTS_WRITE = "exports:write"
    MONITORING_READ = "monitoring:read"
    PREDICT = "predictions:make"
    PREDICTIONS_OWN = "predictions:own"
    PREDICTIONS_ALL = "predictions:all"
    KEYS_OWN = "keys:own"
    KEYS_ALL = "keys:all"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    AUDIT_READ = "audit:read"


_LOOKING = frozenset({Permission.MODELS_READ, Permission.EXPORTS_READ, Permission.MONITORING_READ})
_OWN = frozenset({Permission.PREDICT, Permission.PREDICTIONS_OWN, Permission.KEYS_OWN})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _LOOKING,
    Role.USER: _OWN | {Permission.MODELS_READ, Permission.EXPORTS_READ},
    Role.OPERATOR: _LOOKING | _OWN | {Permission.MODELS_WRITE, Permission.EXPORTS_WRITE},
    Role.ADMIN: frozenset(Permission),
}


def allows(role: Role, permission: Permission) -> bool:
    """Whether users of that role may do that."""
    return permission in PERMISSIONS.get(role, frozenset())


def require(role: Role, permission: Permission) -> None:
    """Forbidden unless users of that role may do that."""
    if not allows(role, permission):
        raise Forbidden("Your role does not permit this", {"role": role, "permission": permission})
