from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from registry import accounts, bootstrap, database, users
from registry.accounts import Role, User
from registry.bootstrap import BootstrapToken
from registry.clock import now
from registry.errors import InvalidInput, Unauthenticated
from registry.trail import verify
from services.bootstrap import offer

REDEEM = """
import os, random
from registry import bootstrap, database
from registry.errors import Unauthenticated
token = random.choice({tokens})
try:
    with database.session() as session:
        print(bootstrap.redeem(session, token, f"admin{{os.getpid()}}", "hash").username, end="")
except Unauthenticated:
    pass
"""


def made() -> str:
    """A token, as `serve` prints it."""
    token = offer()
    assert token is not None
    return token


def redeem(session: Session, token: str, username: str = "ada") -> User:
    """Use a token."""
    return bootstrap.redeem(session, token, username, "hash")


def test_a_token_makes_one_admin_once(store: str) -> None:
    token, other = made(), made()
    with database.session() as session:
        ada = redeem(session, token)
    assert (ada.username, ada.role, ada.password_hash) == ("ada", Role.ADMIN, "hash")
    for used in (token, other):
        with pytest.raises(Unauthenticated), database.session() as session:
            redeem(session, used, "eve")
    assert offer() is None
    with database.reading() as session:
        assert session.exec(select(BootstrapToken)).all() == []
        assert list(verify(session)) == []


@pytest.mark.parametrize("printed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_two_at_once_make_one_admin(store: str, processes: Callable[[int, str], list[str]], printed: int) -> None:
    tokens = [made() for _ in range(printed)]
    winners = [name for name in processes(3, REDEEM.format(tokens=tokens)) if name]
    with database.reading() as session:
        assert [user.username for user in session.exec(users.select_users(role=Role.ADMIN))] == winners
    assert len(winners) == 1


def test_a_token_lives_a_quarter_of_an_hour(store: str) -> None:
    token = made()
    with database.session() as session:
        [kept] = session.exec(select(BootstrapToken))
        assert timedelta(minutes=14) < kept.expires_at - now() <= timedelta(minutes=15)
        kept.expires_at = now()
    with pytest.raises(Unauthenticated), database.session() as session:
        redeem(session, token)
    made()
    with database.reading() as session:
        assert len(session.exec(select(BootstrapToken)).all()) == 1  # the old one is cleared away


def test_the_command_lines_user_is_no_admin_but_one_made_there_ends_the_offer(store: str) -> None:
    with database.session() as session:
        accounts.local_user(session)
    token = made()
    with database.session() as session:
        users.create_user(session, username="bob", role=Role.ADMIN, password_hash="hash", actor="user:local")
    assert offer() is None
    with pytest.raises(Unauthenticated), database.session() as session:
        redeem(session, token)


def test_a_refused_name_leaves_the_token_unused(store: str) -> None:
    token = made()
    with pytest.raises(InvalidInput), database.session() as session:
        redeem(session, token, "not a name")
    with database.session() as session:
        bootstrap.check(session, token)
        redeem(session, token)


@pytest.mark.parametrize("wrong", ["", "x" * 43, "\0", "\ud800", "'; DROP TABLE users; --"])
def test_a_wrong_token_is_refused(store: str, wrong: str) -> None:
    made()
    with pytest.raises(Unauthenticated), database.session() as session:
        redeem(session, wrong)


def test_the_token_is_stored_nowhere(home: Path) -> None:
    database.upgrade()
    token = made()
    assert not [file for file in home.rglob("*") if file.is_file() and token.encode() in file.read_bytes()]
