from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from registry import accounts, database
from registry.accounts import ApiKey, Role, User
from registry.audit import AuditEntry
from registry.clock import now
from registry.errors import Conflict

ACTOR = "user:ada"


def test_the_local_user_is_made_once(store: str) -> None:
    with database.session() as session:
        first = accounts.local_user(session)
    with database.session() as session:
        again = accounts.local_user(session)
    assert again.id == first.id
    assert (again.username, again.role, again.password_hash) == ("local", Role.ADMIN, None)


def test_a_key_is_found_by_its_public_part_with_its_holder(churn: Any) -> None:
    with database.reading() as session:
        key = accounts.find_key(session, "k" * 12)
        assert accounts.find_key(session, "x" * 12) is None
    assert key is not None and key.endpoint is not None
    assert (key.user.role, key.endpoint.name, key.key_hash) == (Role.ADMIN, "churn", "2" * 64)


def test_a_key_may_open_every_endpoint(churn: Any) -> None:
    with database.session() as session:
        accounts.add_key(
            session, key_id="m" * 12, key_hash="m", user=churn.user, endpoint=None, name="master", actor=ACTOR
        )
    with database.reading() as session:
        master = accounts.find_key(session, "m" * 12)
        assert master is not None and master.endpoint is None
        assert [key.key_id for key in accounts.keys_of_endpoint(session, churn.endpoint)] == ["k" * 12]


def test_a_revoked_key_stays_revoked_since_the_first_time(churn: Any) -> None:
    with database.session() as session:
        accounts.revoke_key(session, churn.key, actor=ACTOR)
    first = churn.key.revoked_at
    with database.session() as session:
        accounts.revoke_key(session, churn.key, actor=ACTOR)
    assert (churn.key.is_active, churn.key.revoked_at) == (False, first)
    with database.reading() as session:
        assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "account:key:revoked")).all()) == 1


def test_a_rotated_key_works_on_until_its_grace_ends(churn: Any) -> None:
    day = timedelta(days=1)
    with database.session() as session:
        accounts.rotate_key(session, churn.key, key_id="n" * 12, key_hash="n", grace=day, actor=ACTOR)
    with database.reading() as session:
        old, new = accounts.keys_of_endpoint(session, churn.endpoint)
    assert old.is_active and new.is_active
    assert old.grace_until is not None and timedelta() < now() + day - old.grace_until < timedelta(minutes=1)
    assert (new.rotated_from, new.name, new.user_id, new.grace_until) == (old.id, old.name, old.user_id, None)


def test_a_key_is_rotated_once(churn: Any) -> None:
    with database.session() as session:
        accounts.rotate_key(session, churn.key, key_id="n" * 12, key_hash="n", grace=timedelta(), actor=ACTOR)
    with pytest.raises(Conflict, match="Only a key that is in use"), database.session() as session:
        accounts.rotate_key(session, churn.key, key_id="o" * 12, key_hash="o", grace=timedelta(), actor=ACTOR)


def test_a_successor_has_the_scopes_and_as_long_a_life(churn: Any) -> None:
    made, day = now(), timedelta(days=1)
    with database.session() as session:
        key = session.merge(churn.key)
        key.scopes, key.created_at, key.expires_at = "predict", made - 29 * day, made + day
        new = accounts.rotate_key(session, key, key_id="n" * 12, key_hash="n", grace=day, actor=ACTOR)
    assert new.scopes == "predict"
    assert new.expires_at is not None and timedelta() <= new.expires_at - (made + 30 * day) < timedelta(minutes=1)


def test_a_key_that_has_expired_is_not_rotated(churn: Any) -> None:
    with database.session() as session:
        session.merge(churn.key).expires_at = now() - timedelta(seconds=1)
    with pytest.raises(Conflict, match="Only a key that is in use"), database.session() as session:
        key = accounts.find_key(session, "k" * 12)
        assert key is not None
        accounts.rotate_key(session, key, key_id="o" * 12, key_hash="o", grace=timedelta(), actor=ACTOR)


def test_a_users_keys_are_theirs_alone(churn: Any) -> None:
    with database.session() as session:
        bob = User(username="bob")
        session.add(bob)
        accounts.add_key(session, key_id="b" * 12, key_hash="b", user=bob, endpoint=None, name="b", actor=ACTOR)
    with database.reading() as session:
        assert [key.key_id for key in accounts.keys_of_user(session, bob)] == ["b" * 12]
        assert [key.key_id for key in accounts.keys_of_user(session, churn.user)] == ["k" * 12]
        assert accounts.find_key_of(session, "b" * 12, bob) is not None
        assert accounts.find_key_of(session, "b" * 12, churn.user) is None
        assert accounts.find_key_of(session, "k" * 12, bob) is None


def test_a_users_keys_go_with_the_user_and_a_successor_survives_its_predecessor(churn: Any) -> None:
    with database.session() as session:
        accounts.rotate_key(session, churn.key, key_id="n" * 12, key_hash="n", grace=timedelta(), actor=ACTOR)
    with database.session() as session:
        session.delete(session.merge(churn.key))
    with database.session() as session:
        [successor] = session.exec(select(ApiKey)).all()
        assert successor.rotated_from is None
        session.delete(session.exec(select(User).where(col(User.username) == "local")).one())
    with database.reading() as session:
        assert session.exec(select(ApiKey)).all() == []


def test_no_secret_reaches_the_audit_trail(churn: Any) -> None:
    with database.reading() as session:
        assert not any(churn.key.key_hash in entry.model_dump_json() for entry in session.exec(select(AuditEntry)))
