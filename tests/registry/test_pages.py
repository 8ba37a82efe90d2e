"""Lists a page at a time: every row that is there throughout comes once and in order, whatever is added meanwhile."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlmodel import Session, col, select

from registry import database
from registry.accounts import User
from registry.errors import InvalidInput
from registry.pages import Page, page

COLUMNS = {
    "id": col(User.id),
    "username": col(User.username),
    "created_at": col(User.created_at),
    "last_login": col(User.last_login),
    "prediction_count": col(User.prediction_count),
}
SORTS = [f"{sign}{name}" for name in COLUMNS for sign in ("", "-")]
EPOCH = datetime(2026, 11, 23, tzinfo=UTC)

moments = st.integers(0, 3).map(lambda seconds: EPOCH + timedelta(seconds=seconds, microseconds=1))
people = st.fixed_dictionaries(
    {
        "created_at": moments,
        "last_login": st.none() | moments,
        "prediction_count": st.sampled_from([0, 1, 2**40]),
    }
)
crowds = st.lists(people, max_size=8)


def add(session: Session, crowd: list[dict[str, Any]]) -> list[int | None]:
    """Add users with these columns; their ids."""
    number = len(session.exec(select(User.id)).all())
    # Names go round, so that later ones stand between earlier ones.
    users = [User(username=f"{(number + index) * 7 % 10}-{number + index}", **one) for index, one in enumerate(crowd)]
    session.add_all(users)
    session.flush()
    return [user.id for user in users]


def turn(session: Session, sort: str, limit: int, cursor: str | None) -> Page[User]:
    """One page of all users."""
    return page(session, select(User), COLUMNS, id=col(User.id), sort=sort, limit=limit, cursor=cursor)


@given(crowd=crowds, later=st.lists(crowds, max_size=4), sort=st.sampled_from(SORTS), limit=st.integers(1, 5))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_what_is_there_throughout_comes_once_and_in_order(
    store: str, crowd: list[Any], later: list[list[Any]], sort: str, limit: int
) -> None:
    with database.session() as session:
        session.exec(delete(User))
        there, seen, cursor, turned = add(session, crowd), [], None, 0
        while turned == 0 or cursor is not None:
            items, cursor = turn(session, sort, limit, cursor)
            assert len(items) == limit or cursor is None
            seen += [user.id for user in items]
            add(session, later[turned] if turned < len(later) else [])
            turned += 1
        whole = [user.id for user in turn(session, sort, 1000, None).items]

    assert len(seen) == len(set(seen)) and set(there) <= set(seen)
    assert [one for one in seen if one in there] == [one for one in whole if one in there]
    assert seen == [one for one in whole if one in seen]


@pytest.mark.parametrize("sort", SORTS)
def test_the_order_is_that_of_the_values_with_missing_ones_first(store: str, sort: str) -> None:
    with database.session() as session:
        add(session, [{"last_login": moment} for moment in (EPOCH, None, EPOCH - timedelta(days=1), None)])
        found = turn(session, sort, 200, None).items

    def place(user: User) -> tuple[bool, Any, int]:
        value = getattr(user, sort.removeprefix("-"))
        return value is not None, value if value is not None else 0, user.id or 0

    assert found == sorted(found, key=place, reverse=sort.startswith("-"))


def test_rows_that_are_removed_meanwhile_hide_no_others(store: str) -> None:
    with database.session() as session:
        ids = add(session, [{"prediction_count": 1}] * 6)
        first = turn(session, "-prediction_count", 2, None)
        session.exec(delete(User).where(col(User.id).in_([ids[5], ids[4], ids[2]])))
        rest = turn(session, "-prediction_count", 10, first.next_cursor)
    assert [user.id for user in rest.items] == [ids[3], ids[1], ids[0]] and rest.next_cursor is None


def written(*parts: Any) -> str:
    """A cursor that says that."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


NOW = "2026-11-23T00:00:00+00:00"
IDS: list[Any] = [None, -1, 2**63, 1.5, True, "1", [1], {"a": 1}, 10**400]
MOMENTS: list[Any] = [None, 1, "never", "0001-01-01T00:00:00+14:00", [NOW], {}, True]
GARBAGE = [
    *("", "x", "é", "=" * 9, "AAAA", "' OR 1=1 --", written(), written("-created_at"), written("-created_at", NOW)),
    *(written("-created_at", NOW, one) for one in IDS),
    *(written("-created_at", one, 1) for one in MOMENTS),
    *(written("-created_at", NOW, 1, 1), written(None, NOW, 1), base64.b64encode(b"[" * 50_000).decode()),
]


@pytest.mark.parametrize("cursor", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_no_cursor(store: str, cursor: str) -> None:
    with database.reading() as session, pytest.raises(InvalidInput, match="^The cursor"):
        turn(session, "-created_at", 5, cursor)


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", None, 1])
def test_what_no_text_can_be_is_no_cursor_either(store: str, value: Any) -> None:
    with database.reading() as session, pytest.raises(InvalidInput):
        turn(session, "username", 5, written("username", value, 1))


def test_numbers_as_large_as_the_database_has_them_are_borne(store: str) -> None:
    with database.reading() as session:
        assert turn(session, "prediction_count", 5, written("prediction_count", 2**63 - 1, 2**63 - 1)).items == []
        assert turn(session, "id", 5, written("id", 1, 2**63 - 1)).items == []


def test_a_cursor_goes_with_its_sort_alone(store: str) -> None:
    with database.session() as session:
        add(session, [{}] * 3)
        cursor = turn(session, "username", 1, None).next_cursor
        with pytest.raises(InvalidInput, match="belongs to another sort"):
            turn(session, "-username", 1, cursor)
