from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from registry import audit, database
from registry.audit import Action
from registry.settings import settings

APPEND = """
from registry import audit, database
for number in range(50):
    with database.session() as session:
        audit.record(session, actor="user:ada", action=audit.Action.MODEL_ADDED, target=f"model:{number}", detail={})
"""
UNPROTECT = {
    "sqlite": ["DROP TRIGGER audit_entries_no_update", "DROP TRIGGER audit_entries_no_delete"],
    "postgres": ["DROP TRIGGER audit_entries_no_change ON audit_entries"],
}
SWAP = [f"UPDATE audit_entries SET seq = {new} WHERE seq = {old}" for old, new in ((2, 9), (3, 2), (9, 3))]


@pytest.fixture
def chain(store: str) -> str:
    """Five entries."""
    with database.session() as session:
        for number in range(1, 6):
            detail = {"reason": "née \N{SNOWMAN}", "number": number}
            audit.record(session, actor="user:ada", action=Action.STATUS_CHANGED, target="endpoint:x", detail=detail)
    return store


def _problems() -> list[tuple[int, str]]:
    with database.reading() as session:
        return [(problem.seq, problem.reason) for problem in audit.verify(session)]


def test_an_untouched_chain_holds(chain: str) -> None:
    assert _problems() == []


@pytest.mark.parametrize(
    ("tampering", "problems"),
    [
        (["UPDATE audit_entries SET actor = 'user:eve' WHERE seq = 3"], [(3, "was edited")]),
        (["UPDATE audit_entries SET detail = '{}' WHERE seq = 3"], [(3, "was edited")]),
        (
            ["UPDATE audit_entries SET hash = prev_hash WHERE seq = 4"],
            [(4, "was edited"), (5, "does not follow the entry before it")],
        ),
        (["DELETE FROM audit_entries WHERE seq = 3"], [(4, "entries 3 to 3 are missing")]),
        (["DELETE FROM audit_entries WHERE seq < 3"], [(3, "entries 1 to 2 are missing")]),
        (
            ["DELETE FROM audit_entries WHERE seq = 3", "UPDATE audit_entries SET seq = seq - 1 WHERE seq > 3"],
            [(3, "does not follow the entry before it"), (3, "was edited"), (4, "was edited")],
        ),
    ],
)
def test_tampering_is_found_where_it_happened(
    chain: str, tampering: list[str], problems: list[tuple[int, str]]
) -> None:
    _tamper(chain, tampering)
    assert _problems() == problems


def test_swapped_entries_are_found(chain: str) -> None:
    _tamper(chain, SWAP)
    assert {seq for seq, _ in _problems()} == {2, 3, 4}


def test_a_chain_made_with_another_pepper_does_not_hold(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database.upgrade()
    with database.session() as session:
        audit.record(session, actor="user:ada", action=Action.USER_CREATED, target="user:bob", detail={})
    monkeypatch.setenv("MODELPORT_PEPPER", "q" * 32)
    settings.cache_clear()
    assert _problems() == [(1, "was edited")]


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET actor = 'x'", "DELETE FROM audit_entries"])
def test_the_database_refuses_to_change_entries(chain: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match="audit entries are kept as they are"), database.engine().begin() as connection:
        connection.exec_driver_sql(statement)


def test_processes_append_to_one_chain(store: str, processes: Callable[[int, str], list[str]]) -> None:
    processes(4, APPEND)
    assert _problems() == []
    with database.reading() as session:
        assert session.connection().exec_driver_sql("SELECT max(seq), count(*) FROM audit_entries").one() == (200, 200)


def test_an_entry_shares_the_fate_of_its_change(store: str) -> None:
    with pytest.raises(ZeroDivisionError), database.session() as session:
        audit.record(session, actor="user:ada", action=Action.KEY_CREATED, target="key:x", detail={})
        raise ZeroDivisionError
    with database.reading() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM audit_entries").scalar() == 0


@pytest.mark.parametrize("action", Action)
def test_names_read_subject_object_verb(action: Action) -> None:
    assert len(action.split(":")) == 3


def _tamper(chain: str, statements: list[str]) -> None:
    with database.engine().begin() as connection:
        for statement in [*UNPROTECT[chain], *statements]:
            connection.exec_driver_sql(statement)
