"""The audit chain: written with every change or there is no change, and whoever touches it is found out."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from registry import accounts, audit, catalog, database, trail
from registry.audit import Action, AuditEntry
from registry.clock import now
from registry.settings import settings

APPEND = """
from registry import audit, database
for number in range(50):
    with database.session() as session:
        audit.record(session, actor="user:ada", action=audit.Action.MODEL_ADDED, target=f"model:{number}", detail={})
"""
UNPROTECT = {
    "sqlite": [f"DROP TRIGGER audit_{name}" for name in ("entries_no_update", "entries_no_delete", "head_no_delete")],
    "postgres": ["DROP TRIGGER audit_entries_no_change ON audit_entries", "DROP TRIGGER audit_head_no_delete ON audit_head"],
}  # fmt: skip
FULL = {
    "sqlite": "CREATE TRIGGER full BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'no room'); END",
    "postgres": "CREATE TRIGGER no_room BEFORE INSERT ON audit_entries EXECUTE FUNCTION audit_entries_refuse()",
}
COLUMNS = [column.name for column in AuditEntry.__table__.columns]  # type: ignore[attr-defined]
CUT = ["DELETE FROM audit_entries WHERE seq > 3"]
PUT_HEAD = "UPDATE audit_head SET entries = 3, hash = (SELECT hash FROM audit_entries WHERE seq = 3)"
INSERT = (
    "INSERT INTO audit_entries SELECT 6, created_at, actor, action, target, detail, prev_hash, hash FROM audit_entries"
)


@pytest.fixture
def chain(store: str) -> str:
    """Five entries."""
    _append(5)
    return store


def _append(count: int) -> None:
    with database.session() as session:
        for number in range(1, count + 1):
            detail = {"reason": "née \N{SNOWMAN}", "number": number}
            audit.record(session, actor="user:ada", action=Action.STATUS_CHANGED, target="endpoint:x", detail=detail)


def _problems() -> list[str]:
    with database.reading() as session:
        return [str(problem) for problem in trail.verify(session)]


def test_an_untouched_chain_holds_and_has_a_head(chain: str) -> None:
    assert _problems() == []
    with database.reading() as session:
        [newest] = trail.entries(session, limit=1)
        assert trail.head(session) == (5, newest.hash)


def test_a_chain_without_entries_holds(store: str) -> None:
    assert _problems() == []


MISSING = "entry 4: entries 3 to 3 before it are missing"


@pytest.mark.parametrize(
    ("tampering", "problems"),
    [
        (["UPDATE audit_entries SET actor = 'user:eve' WHERE seq = 3"], ["entry 3: was edited"]),
        (
            ["UPDATE audit_entries SET hash = prev_hash WHERE seq = 4"],
            ["entry 4: was edited", "entry 5: does not follow the entry before it"],
        ),
        (["DELETE FROM audit_entries WHERE seq = 3"], [MISSING]),
        (["DELETE FROM audit_entries WHERE seq < 3"], ["entry 3: entries 1 to 2 before it are missing"]),
        (
            ["DELETE FROM audit_entries WHERE seq = 3", "UPDATE audit_entries SET seq = 3 WHERE seq = 4"],
            [
                "entry 3: does not follow the entry before it",
                "entry 3: was edited",
                "entry 5: entries 4 to 4 before it are missing",
            ],
        ),
        ([f"{INSERT} WHERE seq = 5"], ["entry 6: does not follow the entry before it", "entry 6: was edited"]),
        (CUT, ["head: entries 4 to 5 are missing at the end"]),
        (["DELETE FROM audit_entries"], ["head: entries 1 to 5 are missing at the end"]),
        ([*CUT, PUT_HEAD], ["head: is missing or was edited"]),
        ([*CUT, "DELETE FROM audit_head"], ["head: is missing or was edited"]),
        (["DELETE FROM audit_entries", "DELETE FROM audit_head"], ["head: is missing or was edited"]),
        (["UPDATE audit_head SET entries = 6"], ["head: is missing or was edited"]),
    ],
)
def test_tampering_is_found_where_it_happened(chain: str, tampering: list[str], problems: list[str]) -> None:
    _tamper(chain, tampering)
    found = _problems()
    assert [line for line in found if not line.startswith("head: tells of")] == problems


def test_an_entry_with_a_head_of_before_is_found(chain: str) -> None:
    with database.session() as session:
        before = session.execute(text("SELECT entries, hash, seal FROM audit_head")).one()
    _append(1)
    with database.session() as session:
        session.execute(
            text("UPDATE audit_head SET entries = :a, hash = :b, seal = :c"), dict(zip("abc", before, strict=True))
        )
    assert _problems() == ["head: tells of 5 entries only"]


def test_swapped_entries_are_found(chain: str) -> None:
    _tamper(chain, [f"UPDATE audit_entries SET seq = {new} WHERE seq = {old}" for old, new in ((2, 9), (3, 2), (9, 3))])
    assert {line.partition(":")[0] for line in _problems()} == {"entry 2", "entry 3", "entry 4"}


@pytest.mark.parametrize("tampering", [[PUT_HEAD], ["DELETE FROM audit_head"], ["UPDATE audit_head SET seal = ''"]])
def test_the_next_change_does_not_mend_a_chain_that_was_cut(chain: str, tampering: list[str]) -> None:
    _tamper(chain, [*CUT, *tampering])
    _append(2)
    assert _problems() == ["entry 4: does not follow the entry before it"]


def test_the_next_change_leaves_the_gap_of_what_was_cut_off(chain: str) -> None:
    _tamper(chain, CUT)
    _append(1)
    assert _problems() == ["entry 6: entries 4 to 5 before it are missing"]


VALUES = st.one_of(
    st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.binary(), st.integers(-(2**63), 2**63 - 1)
)


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.integers(1, 5), column=st.sampled_from(COLUMNS), value=VALUES, as_text=st.booleans())
def test_whatever_is_put_in_place_of_a_value_is_found(
    one_chain: str, row: int, column: str, value: Any, as_text: bool
) -> None:
    new = "CAST(:value AS TEXT)" if as_text and isinstance(value, bytes) else ":value"  # not UTF-8, as a rule
    with database.engine().connect() as connection, connection.begin() as transaction:
        before = connection.execute(
            text(f"SELECT typeof({column}), {column} FROM audit_entries WHERE seq = {row}")
        ).one()
        try:
            connection.execute(text(f"UPDATE audit_entries SET {column} = {new} WHERE seq = {row}"), {"value": value})
        except DBAPIError:
            return  # a number that another entry has, or none at all
        changed = connection.execute(
            text(f"SELECT CAST({column} AS BLOB) FROM audit_entries ORDER BY seq LIMIT 1 OFFSET {row - 1}")
        )
        same = changed.scalar() == str(before[1]).encode()
        with Session(connection) as session:
            problems = list(trail.verify(session))
        transaction.rollback()
    assert same or any(problem.seq is not None for problem in problems)


def test_a_moment_written_in_another_way_is_found(one_chain: str) -> None:
    with database.engine().begin() as connection:
        connection.exec_driver_sql("UPDATE audit_entries SET created_at = replace(created_at, ' ', 'T') WHERE seq = 3")
    assert "entry 3: was edited" in _problems()


@pytest.fixture
def one_chain(home: Path) -> str:
    """Five unprotected entries in SQLite, which takes anything in any column."""
    database.upgrade()
    _append(5)
    _tamper("sqlite", [])
    return "sqlite"


def test_a_chain_made_with_another_pepper_does_not_hold(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database.upgrade()
    _append(1)
    monkeypatch.setenv("MODELPORT_PEPPER", "q" * 32)
    settings.cache_clear()
    assert _problems() == ["head: is missing or was edited", "entry 1: was edited"]


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
    assert _problems() == []
    with database.reading() as session:
        assert session.connection().exec_driver_sql("SELECT max(seq), count(*) FROM audit_entries").one() == (200, 200)


def test_an_entry_shares_the_fate_of_its_change(store: str) -> None:
    with pytest.raises(ZeroDivisionError), database.session() as session:
        audit.record(session, actor="user:ada", action=Action.KEY_CREATED, target="key:x", detail={})
        raise ZeroDivisionError
    with database.reading() as session:
        assert trail.entries(session) == [] and trail.head(session) == (0, "")


def test_the_list_is_filtered_and_goes_on_where_it_ended(churn: Any) -> None:
    with database.session() as session:
        first = trail.entries(session, limit=2)
        rest = trail.entries(session, before=first[-1].seq)
        assert [entry.seq for entry in [*first, *rest]] == [4, 3, 2, 1]
        assert [entry.action for entry in trail.entries(session, target="key:" + "k" * 12)] == [Action.KEY_CREATED]
        assert {entry.actor for entry in trail.entries(session, actor="user:local")} == {"user:local"}
        assert trail.entries(session, action=Action.KEY_REVOKED) == []
        assert len(trail.entries(session, since=rest[-1].created_at)) == 4
        assert [entry.seq for entry in trail.entries(session, since=first[0].created_at)] == [4]


def _write_without_a_head(count: int) -> None:
    """Entries as `record` signs them."""
    moment, previous, rows = now(), "", []
    row = {"actor": "user:ada", "action": "a:b:c", "target": "x", "detail": "d" * 200}
    for seq in range(1, count + 1):
        signed = row | {"seq": seq, "prev_hash": previous}
        previous = audit.digest(audit.entry_key(), signed | {"created_at": moment.isoformat()})
        rows.append(signed | {"created_at": moment, "hash": previous})
    with database.engine().begin() as connection:
        connection.execute(insert(AuditEntry), rows)


def test_a_chain_from_before_there_was_a_head_gets_one(empty: str, home: Path) -> None:
    home.mkdir()
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with database.engine().begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
    _write_without_a_head(3)
    database.upgrade()
    assert _problems() == []
    _append(1)
    assert _problems() == []


VERIFY = """
import resource
from registry import database, trail
with database.reading() as session:
    assert trail.head(session) is not None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = []
    assert list(trail.verify(session, told.append)) == []
    print([told, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before])
"""


@pytest.mark.slow
def test_a_long_chain_is_verified_in_little_memory(home: Path) -> None:
    database.upgrade()
    _write_without_a_head(100_000)
    with database.session() as session:
        last_hash = trail.entries(session, limit=1)[0].hash
        head = {"hash": last_hash, "seal": audit.seal(100_000, last_hash)}
        session.execute(text("UPDATE audit_head SET entries = 100000, hash = :hash, seal = :seal"), head)
    told, kilobytes = json.loads(
        subprocess.run([sys.executable, "-c", VERIFY], check=True, stdout=subprocess.PIPE).stdout
    )
    assert told == list(range(10_000, 100_001, 10_000))
    assert kilobytes < 20_000, "the entries' texts alone take more than twice as much"


@pytest.mark.parametrize("action", Action)
def test_names_read_subject_object_verb(action: Action) -> None:
    assert len(action.split(":")) == 3


def _tamper(chain: str, statements: list[str]) -> None:
    with database.engine().begin() as connection:
        for statement in [*UNPROTECT[chain], *statements]:
            connection.exec_driver_sql(statement)
