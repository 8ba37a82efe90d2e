"""A request that names itself is made once, however often and from wherever it comes, and always answered alike."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import func, select

from registry import accounts, database, users
from registry.accounts import Role, User
from registry.audit import AuditEntry
from registry.errors import IdempotencyKeyReused
from registry.idempotency import KEPT, Answer, Asked, IdempotencyRecord, digest, once
from tests.registry.conftest import Processes

ASKED = Asked("POST /users", "one", "digest")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def make(name: str, asked: Asked | None = ASKED, *, by: str = accounts.LOCAL, **options: Any) -> Answer:
    """Make a user of that name, once."""
    with database.session() as session:
        who = accounts.local_user(session) if by == accounts.LOCAL else users.existing_user(session, by)

        def work(seed: bytes) -> dict[str, Any]:
            made = users.create_user(session, username=name, role=Role.USER, password_hash=None, actor="user:local")
            return {"username": made.username, "created_at": NOON, "seeded": seed.hex()[:4]}

        return once(session, who, asked, work, **options)


def count(table: type[User] | type[IdempotencyRecord]) -> int:
    """How many rows there are."""
    with database.reading() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def test_the_same_request_again_changes_nothing_and_gets_the_same_answer(store: str) -> None:
    first, again = make("ada", status=202), make("ada", status=202)

    assert (first.replayed, again.replayed, first.status) == (False, True, 202)
    assert again == first._replace(replayed=True)
    assert first.body["created_at"] == "2026-11-23T12:00:00Z" and first.body["seeded"] == first.seed.hex()[:4]
    assert count(User) == 2


def test_another_request_of_that_name_is_refused(store: str) -> None:
    make("ada")
    with pytest.raises(IdempotencyKeyReused):
        make("bob", ASKED._replace(digest="another"))
    assert count(User) == 2


@pytest.mark.parametrize("other", [{"route": "POST /elsewhere"}, {"key": "two"}])
def test_a_name_counts_for_its_route(store: str, other: dict[str, str]) -> None:
    make("ada")
    assert not make("bob", ASKED._replace(**other)).replayed


def test_a_name_is_each_users_own(store: str) -> None:
    make("ada")
    assert make("bob", by="ada").body["username"] == "bob"


def test_what_fails_is_not_remembered(store: str) -> None:
    with pytest.raises(Exception, match="A username has"):
        make("?")
    assert count(IdempotencyRecord) == 0
    assert not make("ada").replayed


def test_what_bears_no_name_is_made_each_time(store: str) -> None:
    assert make("ada", None).seed != make("bob", None).seed
    assert count(IdempotencyRecord) == 0


def test_a_name_is_forgotten_after_a_day(store: str) -> None:
    make("ada", at=NOON)
    assert make("ada", at=NOON + KEPT - timedelta(seconds=1)).replayed
    assert not make("bob", at=NOON + KEPT).replayed
    assert count(IdempotencyRecord) == 1


def test_records_go_with_their_user(store: str) -> None:
    make("ada")
    make("bob", by="ada")
    with database.session() as session:
        users.delete_user(session, users.existing_user(session, "ada"), actor="user:local")
    assert count(IdempotencyRecord) == 1


def test_a_request_is_its_path_and_its_json(home: object) -> None:
    plain = digest("/keys", b'{"a": 1, "b": [2]}')

    assert plain == digest("/keys", b'{"b":[2],"a":1}')
    others = [digest("/key", b'{"a": 1, "b": [2]}'), digest("/keys", b'{"a": 1, "b": [3]}'), digest("/keys", b"")]
    assert len({plain, *others}) == 4


def test_threads_at_once_make_one_change(store: str) -> None:
    make("first", None)
    together = Barrier(4)

    def ask(_: int) -> Answer:
        together.wait()
        return make("ada")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))

    assert sorted(answer.replayed for answer in answers) == [False, True, True, True]
    assert len({answer.seed for answer in answers}) == 1 and count(User) == 3
    with database.reading() as session:
        made = select(func.count()).where(AuditEntry.target == "user:ada")
        assert session.exec(made).one() == 1


_ASK = """
from registry import accounts, database
from registry.idempotency import Asked, once
with database.session() as session:
    who = accounts.local_user(session)
    answer = once(session, who, Asked("POST /users", "one", "digest"), lambda seed: {"made": seed.hex()})
print(answer.replayed, answer.body["made"])
"""


@pytest.mark.slow
def test_processes_at_once_make_one_change(store: str, processes: Processes) -> None:
    printed = [line.split() for line in processes(3, _ASK)]

    assert sorted(replayed for replayed, _ in printed) == ["False", "True", "True"]
    assert len({made for _, made in printed}) == 1
