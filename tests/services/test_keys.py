"""Keys are issued for what their holder may, and for no longer than is allowed; their life has five stages."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from registry import accounts, database
from registry.accounts import ApiKey, Role, User
from registry.clock import now
from registry.errors import Forbidden, InvalidInput
from services import keys
from services.key_status import SOON, KeyStatus, end_of, status_of
from services.keys import LIFETIME, LONGEST, Issued
from services.security.api_keys import mint
from services.security.scopes import EVERYTHING, PREDICT, Scopes, parse

DAY = timedelta(days=1)


def issue(role: Role, allowed: Scopes | None = None, lifetime: timedelta | None = LIFETIME) -> Issued:
    """A key for every endpoint, held by a new user of that role."""
    with database.session() as session:
        user = User(username="ada", role=role)
        session.add(user)
        session.flush()
        return keys.issue(
            session, user=user, endpoint_name=None, name="k", allowed=allowed, lifetime=lifetime, actor="user:ada"
        )


@pytest.fixture(autouse=True)
def registry(empty_home: Path) -> None:
    """A registry with nothing in it."""


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.ADMIN, "metrics predict"),
        (Role.OPERATOR, "metrics predict"),
        (Role.USER, "predict"),
        (Role.VIEWER, "metrics"),
    ],
)
def test_a_key_may_what_its_holder_may(role: Role, scopes: str) -> None:
    assert issue(role).key.scopes == scopes


@pytest.mark.parametrize(
    ("role", "allowed"),
    [(Role.USER, EVERYTHING), (Role.USER, parse(["metrics"])), (Role.VIEWER, EVERYTHING), (Role.VIEWER, PREDICT)],
)
def test_nobody_makes_a_key_for_more(role: Role, allowed: Scopes) -> None:
    with pytest.raises(Forbidden, match=f"A {role.value} can't have a key for"):
        issue(role, allowed)
    with database.reading() as session:
        assert accounts.keys(session) == []


def test_a_key_that_never_expires_is_an_admins(home: Path) -> None:
    with pytest.raises(Forbidden, match="Only an admin"):
        issue(Role.OPERATOR, lifetime=None)
    assert issue(Role.ADMIN, lifetime=None).key.expires_at is None


def test_a_key_that_never_expires_is_renewed_for_an_admin_alone(home: Path) -> None:
    key_id = keys.replace_key(issue(Role.ADMIN, lifetime=None).key.key_id, DAY).key.key_id
    with database.session() as session:
        session.exec(select(User).where(User.username == "ada")).one().role = Role.OPERATOR
    with pytest.raises(Forbidden, match="Only an admin can have a key that never expires"):
        keys.replace_key(key_id, DAY)


@pytest.mark.parametrize("lifetime", [timedelta(), -DAY, LONGEST + timedelta(seconds=1)])
def test_a_key_lives_for_a_year_at_most(lifetime: timedelta) -> None:
    with pytest.raises(InvalidInput, match="365 days"):
        issue(Role.ADMIN, lifetime=lifetime)


@pytest.mark.parametrize("grace", [-DAY, 7 * DAY + timedelta(seconds=1)])
def test_a_rotated_key_works_on_for_a_week_at_most(grace: timedelta) -> None:
    with pytest.raises(InvalidInput, match="7 days"):
        keys.replace_key(issue(Role.ADMIN).key.key_id, grace)


def test_the_stages_of_a_key() -> None:
    moment = now()

    def status(**columns: Any) -> KeyStatus:
        return status_of(ApiKey(key_id="k", name="k", key_hash="k", **columns), moment)

    assert status() is status(expires_at=moment + SOON + DAY) is KeyStatus.ACTIVE
    assert status(expires_at=moment + SOON) is KeyStatus.EXPIRING
    assert status(expires_at=moment) is status(grace_until=moment - DAY) is KeyStatus.EXPIRED
    assert status(expires_at=moment + DAY, grace_until=moment + 2 * DAY) is KeyStatus.ROTATED
    assert status(expires_at=moment - DAY, is_active=False) is status(revoked_at=moment) is KeyStatus.REVOKED


def test_a_key_ends_at_the_earlier_of_its_ends() -> None:
    moment = now()
    key = ApiKey(key_id="k", name="k", key_hash="k", expires_at=moment + DAY, grace_until=moment)
    assert end_of(key) == moment


def test_a_key_that_is_pasted_for_its_id_is_not_repeated() -> None:
    text = mint("test", b"p" * 32).text

    assert text not in keys.no_such_key(text).message and text not in keys.no_such_key(f" {text}x").message
    assert "'3kTq9fWz0aBc'" in keys.no_such_key("3kTq9fWz0aBc").message
