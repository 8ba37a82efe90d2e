"""Whoever touches the audit chain behind the platform's back is found out, and where."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from registry import database, trail
from registry.audit import AuditEntry
from registry.settings import settings
from tests.registry.chains import append, problems_found, tamper

COLUMNS = [column.name for column in AuditEntry.__table__.columns]  # type: ignore[attr-defined]
CUT = ["DELETE FROM audit_entries WHERE seq > 3"]
PUT_HEAD = "UPDATE audit_head SET entries = 3, hash = (SELECT hash FROM audit_entries WHERE seq = 3)"
INSERT = (
    "INSERT INTO audit_entries SELECT 6, created_at, actor, action, target, detail, prev_hash, hash FROM audit_entries"
)


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
    tamper(chain, tampering)
    found = problems_found()
    assert [line for line in found if not line.startswith("head: tells of")] == problems


def test_an_entry_with_a_head_of_before_is_found(chain: str) -> None:
    with database.session() as session:
        before = session.execute(text("SELECT entries, hash, seal FROM audit_head")).one()
    append(1)
    with database.session() as session:
        session.execute(
            text("UPDATE audit_head SET entries = :a, hash = :b, seal = :c"), dict(zip("abc", before, strict=True))
        )
    assert problems_found() == ["head: tells of 5 entries only"]


def test_swapped_entries_are_found(chain: str) -> None:
    tamper(chain, [f"UPDATE audit_entries SET seq = {new} WHERE seq = {old}" for old, new in ((2, 9), (3, 2), (9, 3))])
    assert {line.partition(":")[0] for line in problems_found()} == {"entry 2", "entry 3", "entry 4"}


@pytest.mark.parametrize("tampering", [[PUT_HEAD], ["DELETE FROM audit_head"], ["UPDATE audit_head SET seal = ''"]])
def test_the_next_change_does_not_mend_a_chain_that_was_cut(chain: str, tampering: list[str]) -> None:
    tamper(chain, [*CUT, *tampering])
    append(2)
    assert problems_found() == ["entry 4: does not follow the entry before it"]


def test_the_next_change_leaves_the_gap_of_what_was_cut_off(chain: str) -> None:
    tamper(chain, CUT)
    append(1)
    assert problems_found() == ["entry 6: entries 4 to 5 before it are missing"]


VALUES = st.one_of(
    st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.binary(), st.integers(-(2**63), 2**63 - 1)
)


@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    assert "entry 3: was edited" in problems_found()


@pytest.fixture
def one_chain(home: Path) -> str:
    """Five unprotected entries in SQLite, which takes anything in any column."""
    database.upgrade()
    append(5)
    tamper("sqlite", [])
    return "sqlite"


def test_a_chain_made_with_another_pepper_does_not_hold(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database.upgrade()
    append(1)
    monkeypatch.setenv("MODELPORT_PEPPER", "q" * 32)
    settings.cache_clear()
    assert problems_found() == ["head: is missing or was edited", "entry 1: was edited"]
