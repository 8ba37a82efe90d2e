"""The permission table."""

import itertools
from typing import Any

import pytest

from registry.accounts import Role
from registry.errors import Forbidden
from services.security.permissions import PERMISSIONS, Permission, allows, require

OTHERS = {Permission.PREDICTIONS_ALL, Permission.KEYS_ALL, Permission.USERS_READ, Permission.USERS_WRITE}


def test_every_role_has_its_line() -> None:
    assert set(PERMISSIONS) == set(Role)


def test_an_admin_may_do_everything() -> None:
    assert PERMISSIONS[Role.ADMIN] == set(Permission)


def test_a_viewer_changes_nothing() -> None:
    assert all(permission.endswith(":read") for permission in PERMISSIONS[Role.VIEWER])


def test_a_user_has_their_own_and_changes_nothing_shared() -> None:
    assert {Permission.KEYS_OWN, Permission.PREDICTIONS_OWN, Permission.PREDICT} <= PERMISSIONS[Role.USER]
    assert not any(permission.endswith(":write") for permission in PERMISSIONS[Role.USER])


def test_an_operator_runs_models_exports_and_monitoring() -> None:
    written = {permission for permission in PERMISSIONS[Role.OPERATOR] if permission.endswith(":write")}
    assert written == {Permission.MODELS_WRITE, Permission.EXPORTS_WRITE}
    assert Permission.MONITORING_READ in PERMISSIONS[Role.OPERATOR]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.USER, Role.VIEWER])
def test_only_an_admin_reaches_what_belongs_to_others(role: Role) -> None:
    assert not PERMISSIONS[role] & (OTHERS | {Permission.AUDIT_READ})


@pytest.mark.parametrize(("role", "permission"), list(itertools.product(Role, Permission)))
def test_what_is_not_in_the_table_is_forbidden(role: Role, permission: Permission) -> None:
    if permission in PERMISSIONS[role]:
        require(role, permission)
    else:
        with pytest.raises(Forbidden):
            require(role, permission)


def test_a_role_or_a_permission_that_nobody_knows_is_refused() -> None:
    unknown: Any = "owner"
    assert not allows(unknown, Permission.MODELS_READ)
    unheard: Any = "models:sell"
    assert not allows(Role.ADMIN, unheard)
