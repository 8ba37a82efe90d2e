from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from registry import accounts, changes, database, sessions, users
from registry.accounts import Role, User
from registry.audit import AuditEntry
from registry.clock import now
from registry.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from registry.trail import verify
from registry.usernames import check_email, check_username, folded

ACTOR = "user:ada"
Step = Callable[[Session, User], None]
DEMOTE = """
import os
from registry import database, users
from registry.accounts import Role
from registry.errors import Conflict
done = "refused"
try:
    with database.session() as session:
        names = [user.username for user in session.exec(users.select_users(role=Role.ADMIN))]
        mine = names[os.getpid() % len(names)]
        users.set_role(session, users.existing_user(session, mine), Role.USER, actor="user:ada")
        done = mine
except Conflict:
    pass
print(done, end="")
"""


def add(session: Session, username: str, role: Role = Role.USER, email: str | None = None) -> User:
    """A user who can sign in."""
    return users.create_user(
        session, username=username, role=role, password_hash=f"hash of {username}", email=email, actor=ACTOR
    )


def trail() -> list[tuple[str, str, str]]:
    """Action, target and detail of every entry about people."""
    with database.reading() as session:
        assert list(verify(session)) == []
        return [(entry.action, entry.target, entry.detail) for entry in session.exec(select(AuditEntry))]


def test_a_user_is_found_however_the_name_is_spelt(store: str) -> None:
    with database.session() as session:
        made = add(session, "Ada.Lovelace", email="Ada@Example.org")
    assert (made.username, made.email) == ("ada.lovelace", "ada@example.org")
    with database.reading() as session:
        for spelt in ("ada.lovelace", "ADA.LOVELACE", "ａｄａ.lovelace"):
            assert users.existing_user(session, spelt).id == made.id
        for unknown in ("ada", "", "'; DROP TABLE users; --", "\0", "x" * 64_000, "\ud800"):
            with pytest.raises(NotFound, match="there is no user"):
                users.existing_user(session, unknown)


def test_a_name_and_an_address_belong_to_one_user(store: str) -> None:
    with database.session() as session:
        add(session, "ada", email="ada@example.org")
    for name, email, wrong in (
        ("ADA", None, "ada is taken"),
        ("bob", "ADA@example.org", "e-mail"),
        ("Local", None, "taken"),
    ):
        with pytest.raises(Conflict, match=wrong), database.session() as session:
            add(session, name, email=email)
    with database.session() as session:
        bob = add(session, "bob")
        with pytest.raises(Conflict, match="e-mail"):
            users.set_email(session, bob, "Ada@Example.org", actor=ACTOR)


@pytest.mark.parametrize("name", ["ab", "a.b-c_d", "x" * 64, "2fast", "1-2"])
def test_a_sane_username_is_taken(name: str) -> None:
    assert check_username(name) == name


@pytest.mark.parametrize(
    "name", ["", "a", "x" * 65, ".ada", "ada-", "a b", "a/b", "a\n", "аda", "123", "１２３", "a\0b"]
)
def test_what_can_be_no_username_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="2 to 64 of a-z"):
        check_username(name)


@given(st.text(max_size=70))
def test_folding_twice_changes_nothing(name: str) -> None:
    once = folded(name)
    assert once is None or (folded(once) == once and once.isascii() and once == once.lower())


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@x.org",
        "a@b@c.org",
        "ada@localhost",
        "a b@x.org",
        "a@x..org",
        "a@x.org\n",
        "a@" + "x." * 130 + "org",
    ],
)
def test_what_can_be_no_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidInput, match="name@example.org"):
        check_email(email)


def test_each_change_is_in_the_trail_and_no_secret_or_address_is(store: str) -> None:
    with database.session() as session:
        add(session, "ada", Role.ADMIN)
        bob = add(session, "bob", email="bob@example.org")
        users.set_role(session, bob, Role.OPERATOR, actor=ACTOR)
        users.set_active(session, bob, False, actor=ACTOR)
        users.set_active(session, bob, True, actor=ACTOR)
        users.set_password_hash(session, bob, "another hash", actor=ACTOR)
        users.set_email(session, bob, None, actor=ACTOR)
        users.delete_user(session, bob, actor=ACTOR)
    assert trail()[1:] == [
        ("account:user:created", "user:bob", '{"role":"user"}'),
        ("account:role:changed", "user:bob", '{"after":"operator","before":"user"}'),
        ("account:user:disabled", "user:bob", "{}"),
        ("account:user:enabled", "user:bob", "{}"),
        ("account:password:changed", "user:bob", "{}"),
        ("account:email:changed", "user:bob", "{}"),
        ("account:user:deleted", "user:bob", '{"role":"operator"}'),
    ]


def test_what_changes_nothing_leaves_no_trace(store: str) -> None:
    with database.session() as session:
        ada = add(session, "ada", Role.ADMIN, email="ada@example.org")
        users.set_role(session, ada, Role.ADMIN, actor=ACTOR)
        users.set_active(session, ada, True, actor=ACTOR)
        users.set_email(session, ada, "ADA@example.org", actor=ACTOR)
    assert len(trail()) == 1


def test_servers_hear_of_a_role_and_of_who_is_let_in(store: str) -> None:
    with database.session() as session:
        add(session, "ada", Role.ADMIN)
        bob = add(session, "bob")
    steps: list[Step] = [
        lambda session, user: users.set_role(session, user, Role.VIEWER, actor=ACTOR),
        lambda session, user: users.set_active(session, user, False, actor=ACTOR),
        lambda session, user: users.delete_user(session, user, actor=ACTOR),
    ]
    for step in steps:
        before = changes.latest()
        with database.session() as session:
            step(session, users.existing_user(session, "bob"))
        assert [(one.table_name, one.row_id) for one in changes.since(before) or []] == [("users", bob.id)]


def test_users_are_listed_oldest_first_and_filtered(store: str) -> None:
    with database.session() as session:
        for name, role in (("zoe", Role.ADMIN), ("ada", Role.USER), ("bob", Role.USER)):
            add(session, name, role)
        users.set_active(session, users.existing_user(session, "bob"), False, actor=ACTOR)
    with database.reading() as session:

        def names(**which: object) -> list[str]:
            return [user.username for user in session.exec(users.select_users(**which))]  # type: ignore[arg-type]

        assert names() == ["zoe", "ada", "bob"]
        assert names(role=Role.USER) == ["ada", "bob"]
        assert names(role=Role.USER, is_active=True) == ["ada"]
        after_first = users.select_users().where(col(User.id) > 1).limit(1)
        assert [user.username for user in session.exec(after_first)] == ["ada"]


def test_the_last_admin_who_can_sign_in_stays(store: str) -> None:
    with database.session() as session:
        accounts.local_user(session)
        add(session, "ada", Role.ADMIN)
        users.create_user(session, username="nopass", role=Role.ADMIN, password_hash=None, actor=ACTOR)
        users.set_active(session, add(session, "gone", Role.ADMIN), False, actor=ACTOR)
    steps: list[Step] = [
        lambda session, user: users.set_role(session, user, Role.OPERATOR, actor=ACTOR),
        lambda session, user: users.set_active(session, user, False, actor=ACTOR),
        lambda session, user: users.delete_user(session, user, actor=ACTOR),
    ]
    for step in steps:
        with pytest.raises(Conflict, match="ada is the last admin"), database.session() as session:
            step(session, users.existing_user(session, "ada"))
    with database.session() as session:
        add(session, "bob", Role.ADMIN)
        users.delete_user(session, users.existing_user(session, "ada"), actor=ACTOR)
    with database.reading() as session:
        assert users.admin_exists(session) and users.find_user(session, "ada") is None


@pytest.mark.slow
def test_admins_who_step_down_at_once_leave_one(store: str, processes: Callable[[int, str], list[str]]) -> None:
    with database.session() as session:
        for number in range(2):
            add(session, f"admin{number}", Role.ADMIN)
    printed = processes(4, DEMOTE)
    with database.reading() as session:
        left = session.exec(users.select_users(role=Role.ADMIN)).all()
        assert users.admin_exists(session)
    assert len(left) + len({name for name in printed if name != "refused"}) == 2


def test_the_command_lines_own_user_is_no_admin_who_can_sign_in_and_cannot_be_changed(store: str) -> None:
    with database.session() as session:
        local = accounts.local_user(session)
        assert not users.admin_exists(session)
        steps: list[Callable[[], None]] = [
            lambda: users.set_role(session, local, Role.USER, actor=ACTOR),
            lambda: users.set_active(session, local, False, actor=ACTOR),
            lambda: users.set_password_hash(session, local, "hash", actor=ACTOR),
            lambda: users.set_email(session, local, "a@example.org", actor=ACTOR),
            lambda: users.delete_user(session, local, actor=ACTOR),
        ]
        for step in steps:
            with pytest.raises(Conflict, match="stands for the command line"):
                step()


def test_a_sign_in_may_bring_a_better_hash(store: str) -> None:
    with database.session() as session:
        add(session, "ada")
        assert users.sign_in(session, "ADA", verified="hash of ada").password_hash == "hash of ada"
        assert users.sign_in(session, "ada", verified="hash of ada", rehash="better").password_hash == "better"


def test_who_is_disabled_or_gets_another_password_is_signed_out(store: str) -> None:
    with database.session() as session:
        ada, bob = add(session, "ada", Role.ADMIN), add(session, "bob")
        here, _ = sessions.open_session(session, bob, "127.0.0.1", "curl", now())
        for user in (ada, bob, bob):
            sessions.open_session(session, user, "127.0.0.1", "curl", now())
        users.set_password_hash(session, bob, "new", actor=ACTOR, keep=here)
        assert [opened.sid for opened in sessions.sessions_of(session, bob, now())] == [here.sid]
        users.set_active(session, bob, False, actor=ACTOR)
        users.set_active(session, bob, True, actor=ACTOR)
        assert sessions.sessions_of(session, bob, now()) == []
        assert len(sessions.sessions_of(session, ada, now())) == 1


def test_a_password_changed_while_it_was_verified_lets_nobody_in_and_stays_changed(store: str) -> None:
    with database.session() as session:
        add(session, "admin", Role.ADMIN)
        ada = add(session, "ada")
        users.set_password_hash(session, ada, "new", actor=ACTOR)
    with pytest.raises(Unauthenticated), database.session() as session:
        users.sign_in(session, "ada", verified="hash of ada", rehash="better")
    with database.session() as session:
        assert users.existing_user(session, "ada").password_hash == "new"
        users.set_active(session, users.existing_user(session, "ada"), False, actor=ACTOR)
    for name in ("ada", "nobody"):
        with (
            pytest.raises(Unauthenticated, match="The username or the password is wrong"),
            database.session() as session,
        ):
            users.sign_in(session, name, verified="new")
