"""The audit chain: written with every change or there is no change, and kept as it is by the database."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from registry import accounts, audit, catalog, database, trail
from registry.audit import Action
from tests.registry.chains import problems_found

APPEND = """
from registry import audit, database
for number in range(50):
    with database.session() as session:
        audit.record(session, actor="user:ada", action=audit.Action.MODEL_ADDED, target=f"model:{number}", detail={})
"""
FULL = {
    "sqlite": "CREATE TRIGGER full BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'no room'); END",
    "postgres": "CREATE TRIGGER no_room BEFORE INSERT ON audit_entries EXECUTE FUNCTION audit_entries_refuse()",
}


def test_an_untouched_chain_holds_and_has_a_head(chain: str) -> None:
    assert problems_found() == []
    with database.reading() as session:
        [newest] = trail.entries(session, limit=1)
        assert trail.head(session) == (5, newest.hash)


def test_a_chain_without_entries_holds(store: str) -> None:
    assert problems_found() == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entries SET actor = 'x'", "DELETE FROM audit_entries", "DELETE FROM audit_head", "TRUNCATE audit_entries"],
)  # fmt: skip
def test_the_database_refuses_to_change_entries(chain: str, statement: str) -> None:
    if chain == "sqlite" and statement.startswith("TRUNCATE"):
        return  # it has no such word
    with pytest.raises(DBAPIError, match="audit entries are kept as they are"), database.engine().begin() as connection:
        connection.exec_driver_sql(statement)


CHANGES: dict[str, Callable[[Any, Any], object]] = {
    "key made": lambda session, churn: accounts.add_key(
        session, key_id="n" * 12, key_hash="n", user=churn.user, endpoint=None, name="n", actor="user:ada"
    ),
    "key revoked": lambda session, churn: accounts.revoke_key(session, churn.key, actor="user:ada"),
    "limit": lambda session, churn: catalog.set_limit(session, churn.endpoint, "5/minute", actor="user:ada"),
    "deleted": lambda session, churn: catalog.delete_endpoint(session, churn.endpoint, actor="user:ada"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_cannot_be_audited_is_refused(churn: Any, store: str, change: str) -> None:
    before = _registry()
    with database.engine().begin() as connection:
        connection.exec_driver_sql(FULL[store])
    with pytest.raises(DBAPIError), database.session() as session:
        CHANGES[change](session, churn)
    assert _registry() == before


def _registry() -> list[Any]:
    with database.reading() as session:
        tables = ("endpoints", "models", "api_keys", "users", "audit_entries", "audit_head")
        return [session.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all() for table in tables]


@pytest.mark.slow
def test_processes_append_to_one_chain(store: str, processes: Callable[[int, str], list[str]]) -> None:
    processes(4, APPEND)
    assert problems_found() == []
    with database.reading() as session:
        assert session.connection().exec_driver_sql("SELECT max(seq), count(*) FROM audit_entries").one() == (200, 200)


def test_an_entry_shares_the_fate_of_its_change(store: str) -> None:
    with pytest.raises(ZeroDivisionError), database.session() as session:
        audit.record(session, actor="user:ada", action=Action.KEY_CREATED, target="key:x", detail={})
        raise ZeroDivisionError
    with database.reading() as session:
        assert trail.entries(session) == [] and trail.head(session) == (0, "")


@pytest.mark.parametrize("action", Action)
def test_names_read_subject_object_verb(action: Action) -> None:
    assert len(action.split(":")) == 3
