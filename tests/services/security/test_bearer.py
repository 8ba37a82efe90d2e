"""Who is signed in is known from memory, and whatever ends a session or changes a user acts once a worker has heard."""

import logging
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from time import time

import pytest
from sqlalchemy import text

from registry import changes, database, sessions
from registry.accounts import Role, User
from registry.clock import now
from registry.errors import Unauthenticated
from registry.sessions import UserSession
from services.directory import Directory
from services.security.bearer import NEWS_SECONDS, authenticate, identify
from services.sessions import Opened, SignedIn, renew, signed_in


@pytest.fixture
def directory(empty_home: Path) -> Directory:
    """What a worker knows of a registry in which nobody is signed in yet."""
    directory = Directory()
    directory.start()
    return directory


def new_user(name: str = "ada", role: Role = Role.OPERATOR) -> User:
    """Someone who can sign in."""
    with database.session() as session:
        user = User(username=name, role=role)
        session.add(user)
    return user


def opened_by(user: User, at: datetime | None = None) -> tuple[UserSession, str]:
    """A session and its refresh token."""
    with database.session() as session:
        return sessions.open_session(session, session.get_one(User, user.id), "127.0.0.1", "curl", at or now())


def sign_in(directory: Directory, user: User, age: float = 60) -> tuple[UserSession, bytes]:
    """A session that a worker has heard of, and an access token made so many seconds ago."""
    opened, _ = opened_by(user)
    directory.refresh()
    return opened, directory.tokens.issue(opened.user_id, opened.sid, time() - age).encode()


def change(user: User, **columns: object) -> None:
    """Change a user's row."""
    with database.session() as session:
        session.get_one(User, user.id).sqlmodel_update(columns)


def execute(*statements: str) -> None:
    """Change the registry behind the platform's back."""
    with database.session() as session:
        for statement in statements:
            session.connection().execute(text(statement))


def is_refused(token: bytes, directory: Directory) -> bool:
    """Whether the token is answered with 401, in the words that every invalid one is."""
    try:
        authenticate(token, directory)
    except Unauthenticated as refused:
        assert refused.message == "This bearer token is not valid."
        return True
    return False


def test_a_token_tells_who_and_the_registry_tells_what_they_may(directory: Directory) -> None:
    user = new_user()
    opened, token = sign_in(directory, user)
    user_entry, claims = identify(token, directory)
    assert (user_entry.id, user_entry.role, claims.sid) == (user.id, Role.OPERATOR, opened.sid)
    assert authenticate(token, directory) == user_entry


def test_a_lowered_role_acts(directory: Directory) -> None:
    user = new_user(role=Role.ADMIN)
    _, token = sign_in(directory, user)
    change(user, role=Role.VIEWER)
    assert authenticate(token, directory).role == Role.ADMIN
    directory.refresh()
    assert authenticate(token, directory).role == Role.VIEWER


def test_a_disabled_user_is_refused_until_enabled_again(directory: Directory) -> None:
    user, other = new_user(), new_user("bob")
    (_, token), (_, of_other) = sign_in(directory, user), sign_in(directory, other)
    change(user, is_active=False)
    directory.refresh()
    assert is_refused(token, directory) and not is_refused(of_other, directory)
    change(user, is_active=True)
    directory.refresh()
    assert not is_refused(token, directory)


def test_a_closed_session_is_refused_and_no_other(directory: Directory) -> None:
    user = new_user()
    (closed, token), (_, other) = sign_in(directory, user), sign_in(directory, user)
    with database.session() as session:
        sessions.close_session(session, closed, actor="user:ada", now=now())
    directory.refresh()
    assert is_refused(token, directory) and not is_refused(other, directory)


@pytest.mark.parametrize("age", [0, 60])
def test_closing_all_sessions_refuses_the_newest_token_too(directory: Directory, age: float) -> None:
    user = new_user()
    tokens = [sign_in(directory, user, age)[1] for _ in range(3)]
    with database.session() as session:
        sessions.close_all(session, user, actor="user:ada", now=now())
    directory.refresh()
    assert all(is_refused(token, directory) for token in tokens)


def test_a_copied_refresh_token_ends_the_access_token_too(directory: Directory) -> None:
    user = new_user()
    _, refresh_token = opened_by(user)
    renewed = renew(refresh_token)
    first, second = (signed_in(one, directory.tokens) for one in (renewed, renew(renewed.refresh_token)))
    directory.refresh()
    assert not is_refused(second.access_token.encode(), directory)
    with pytest.raises(Unauthenticated, match="This refresh token is not valid: sign in again."):
        renew(refresh_token)
    directory.refresh()
    assert is_refused(first.access_token.encode(), directory) and is_refused(second.access_token.encode(), directory)


def test_a_deleted_user_is_refused(directory: Directory) -> None:
    user = new_user()
    _, token = sign_in(directory, user, age=0)
    with database.session() as session:
        session.delete(session.get_one(User, user.id))
    directory.refresh()
    assert is_refused(token, directory) and directory.people.sessions == {}


def test_a_session_ends_at_its_time_without_a_change(directory: Directory) -> None:
    user = new_user()
    opened, _ = opened_by(user, now() - timedelta(days=30, seconds=1))
    token = directory.tokens.issue(opened.user_id, opened.sid, time()).encode()
    directory.refresh()
    assert is_refused(token, directory)


def test_a_session_that_has_not_been_heard_of_is_taken_on_the_tokens_word_for_seconds(directory: Directory) -> None:
    user = new_user()
    directory.refresh()
    opened, _ = opened_by(user)
    fresh, stale = (
        directory.tokens.issue(opened.user_id, opened.sid, time() - age).encode() for age in (0, NEWS_SECONDS)
    )
    assert not is_refused(fresh, directory) and is_refused(stale, directory)
    directory.refresh()
    assert not is_refused(stale, directory)


def test_a_worker_that_starts_knows_what_just_ended(directory: Directory) -> None:
    user = new_user()
    opened, token = sign_in(directory, user, age=0)
    with database.session() as session:
        sessions.close_session(session, opened, actor="user:ada", now=now())
    started = Directory()
    started.start()
    assert is_refused(token, started)


def test_another_users_session_is_no_session(directory: Directory) -> None:
    user, other = new_user(), new_user("bob")
    opened, _ = sign_in(directory, user)
    assert is_refused(directory.tokens.issue(other.id or 0, opened.sid, time()).encode(), directory)


def test_a_worker_that_starts_or_fell_behind_knows_everybody(directory: Directory) -> None:
    user = new_user()
    opened, token = sign_in(directory, user)
    gone, of_gone = sign_in(directory, new_user("bob"))
    execute(f"DELETE FROM users WHERE id = {gone.user_id}", f"DELETE FROM changes WHERE id < {changes.latest() + 3}")
    directory.refresh()
    assert not is_refused(token, directory) and is_refused(of_gone, directory)
    assert (list(directory.people.users), list(directory.people.sessions)) == ([user.id], [opened.sid])
    started = Directory()
    started.start()
    assert not is_refused(token, started) and list(started.people.sessions) == [opened.sid]


def test_nothing_is_read_to_answer_a_request(directory: Directory, home: Path) -> None:
    _, token = sign_in(directory, new_user())
    database.dispose()
    shutil.rmtree(home)
    assert not is_refused(token, directory)


def test_sessions_that_ended_are_held_no_longer_than_they_are_needed(directory: Directory) -> None:
    user = new_user()
    old, _ = sign_in(directory, user)
    execute("UPDATE user_sessions SET revoked_at = '2026-01-01 00:00:00.000000'")
    new, _ = sign_in(directory, user)
    assert list(directory.people.sessions) == [new.sid] != [old.sid]


@pytest.mark.parametrize(
    "damage",
    ["UPDATE users SET role = 'emperor'", "UPDATE user_sessions SET expires_at = 'whenever', revoked_at = NULL"],
)
def test_a_row_that_cant_be_read_is_refused_and_takes_no_other_down(
    directory: Directory, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, token = sign_in(directory, new_user())
    execute(damage)
    _, other = sign_in(directory, new_user("bob"))
    assert is_refused(token, directory) and not is_refused(other, directory)
    assert caplog.record_tuples[0][:2] == ("modelport.rows", logging.ERROR)


def test_what_one_is_handed_when_one_signs_in(directory: Directory) -> None:
    opened, refresh_token = opened_by(new_user())
    directory.refresh()
    answer = signed_in(Opened(opened.user_id, opened.sid, refresh_token), directory.tokens)
    assert answer == SignedIn(answer.access_token, refresh_token, 900)
    assert identify(answer.access_token.encode(), directory).claims.sid == opened.sid
