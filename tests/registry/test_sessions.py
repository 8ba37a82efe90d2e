"""A refresh token works once, its answer can be asked for again for ten seconds, and a copy of it ends the session."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func
from sqlmodel import Session, col, select

from registry import accounts, database, sessions
from registry.accounts import User
from registry.audit import AuditEntry
from registry.sessions import GRACE, RefreshToken, UserSession
from registry.trail import verify

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
USE_EACH = """
import pathlib
from datetime import datetime
from registry import database, sessions
tokens, moment = pathlib.Path("{file}").read_text().split(), datetime.fromisoformat("{moment}")
for text in tokens:
    with database.session() as session:
        answer = sessions.refresh(session, text, moment)
    print(answer and answer[1])
"""


@pytest.fixture
def ada(store: str) -> User:
    """Someone who can sign in."""
    with database.session() as session:
        user = User(username="ada")
        session.add(user)
    return user


def sign_in(user: User, now: datetime = START, agent: str = "curl/8") -> tuple[UserSession, str]:
    """A new session and its first refresh token."""
    with database.session() as session:
        return sessions.open_session(session, session.get_one(User, user.id), "203.0.113.9", agent, now)


def use(text: str, now: datetime = START) -> str | None:
    """The refresh token that one gets for that one, if any."""
    with database.session() as session:
        answer = sessions.refresh(session, text, now)
    return answer and answer[1]


def live(user: User, now: datetime = START) -> list[str]:
    """The names of a user's sessions, newest first."""
    with database.reading() as session:
        return [opened.sid for opened in sessions.sessions_of(session, user, now)]


def actions() -> list[str]:
    """What was done to sessions, in order."""
    with database.reading() as session:
        entries = session.exec(select(AuditEntry.action).order_by(col(AuditEntry.seq)))
        return [action.removeprefix("account:session:") for action in entries]


def end(work: Callable[[Session], object]) -> None:
    """One transaction."""
    with database.session() as session:
        work(session)


def test_signing_in_is_remembered_with_where_it_was_done(ada: User) -> None:
    opened, text = sign_in(ada)
    assert sessions.PATTERN.fullmatch(text)
    with database.reading() as session:
        (row,) = sessions.sessions_of(session, ada, START)
        (entry,) = session.exec(select(AuditEntry))
        assert session.get_one(User, ada.id).last_login == START
        assert list(verify(session)) == []
    assert (row.ip_address, row.user_agent, row.last_used) == ("203.0.113.9", "curl/8", START)
    assert (row.expires_at, len(row.sid)) == (START + 30 * DAY, 22)
    assert (entry.actor, entry.action, entry.target) == ("user:ada", "account:session:opened", f"session:{opened.sid}")
    assert json.loads(entry.detail) == {"user": "ada", "address": "203.0.113.9"}


def test_what_a_client_says_of_itself_is_kept_short_and_printable(ada: User) -> None:
    sign_in(ada, agent="curl\0\n\x1b[31m\ud800" + "x" * 10_000)
    with database.reading() as session:
        (row,) = sessions.sessions_of(session, ada, START)
    assert row.user_agent.startswith("curl???[31m?xxx") and len(row.user_agent) == 256


def test_each_refresh_token_is_exchanged_for_another(ada: User) -> None:
    opened, text = sign_in(ada)
    texts = [text]
    for hours in range(1, 6):
        texts.append(use(texts[-1], START + timedelta(hours=hours)) or "")
    assert len(set(texts)) == 6 and all(map(sessions.PATTERN.fullmatch, texts))
    with database.reading() as session:
        (row,) = sessions.sessions_of(session, ada, START)
    assert (row.sid, row.last_used) == (opened.sid, START + timedelta(hours=5))


def test_an_answer_that_got_lost_is_given_again(ada: User) -> None:
    _, text = sign_in(ada)
    successor = use(text)
    assert successor is not None
    assert {use(text, START + seconds * SECOND) for seconds in range(11)} == {successor}
    assert use(successor, START + 11 * SECOND) not in (None, successor)
    assert actions() == ["opened"]


@pytest.mark.parametrize("later", [GRACE + SECOND, 3 * DAY])
def test_a_used_token_that_comes_back_late_ends_the_session(ada: User, later: timedelta) -> None:
    opened, text = sign_in(ada)
    other, _ = sign_in(ada)
    successor = use(text) or ""
    assert use(text, START + later) is None
    assert use(successor, START + later) is None
    assert live(ada) == [other.sid]
    with database.reading() as session:
        last = session.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc())).first()
    assert last is not None and (last.action, last.target) == ("account:session:revoked", f"session:{opened.sid}")
    assert (last.actor, json.loads(last.detail)) == ("server", {"user": "ada", "reused": 1})


def test_a_used_token_whose_answer_arrived_ends_the_session_even_at_once(ada: User) -> None:
    _, text = sign_in(ada)
    use(use(text) or "")
    assert use(text) is None and live(ada) == [] and actions() == ["opened", "revoked"]


@pytest.mark.parametrize("text", ["", "mpr_", "mpr_" + "x" * 43, "mpr_" + "x" * 44, "' OR 1=1 --", "\0", "x" * 65536])
def test_a_token_that_nobody_was_given_changes_nothing(ada: User, text: str) -> None:
    sign_in(ada)
    assert use(text) is None and actions() == ["opened"]


def test_a_session_that_rests_too_long_is_over(ada: User) -> None:
    _, text = sign_in(ada)
    _, other = sign_in(ada)
    text = use(text, START + 6 * DAY) or ""
    assert use(other, START + 7 * DAY) is None
    assert use(text, START + 13 * DAY - SECOND) is not None


def test_a_session_ends_however_much_it_is_used(ada: User) -> None:
    _, text = sign_in(ada)
    for day in range(1, 30):
        text = use(text, START + day * DAY) or ""
    assert use(text, START + 30 * DAY) is None
    assert live(ada, START + 30 * DAY - SECOND) != [] and live(ada, START + 30 * DAY) == []


def test_a_user_who_was_disabled_gets_no_other_token(ada: User) -> None:
    _, text = sign_in(ada)
    with database.session() as session:
        session.get_one(User, ada.id).is_active = False
    assert use(text) is None


def test_closing_a_session_ends_it_once_and_no_other(ada: User) -> None:
    (first, text), (second, other) = sign_in(ada), sign_in(ada)
    for _ in range(2):
        end(lambda session: sessions.close_session(session, first, actor="user:ada", now=START))
    assert use(text) is None and use(other) is not None
    assert live(ada) == [second.sid] and actions() == ["opened", "opened", "closed"]


def test_closing_all_ends_every_session_of_that_user(ada: User) -> None:
    with database.session() as session:
        local = accounts.local_user(session)
    texts = [sign_in(ada)[1] for _ in range(3)]
    kept, _ = sign_in(local)
    with database.session() as session:
        assert sessions.close_all(session, ada, actor="user:root", now=START) == 3
        assert sessions.close_all(session, ada, actor="user:root", now=START) == 0
    assert [use(text) for text in texts] == [None] * 3
    assert (live(ada), live(local), actions().count("closed")) == ([], [kept.sid], 3)


def test_nobody_finds_another_users_session(ada: User) -> None:
    opened, _ = sign_in(ada)
    with database.session() as session:
        local = accounts.local_user(session)
        assert sessions.find_session(session, local, opened.sid, START) is None
        found = sessions.find_session(session, ada, opened.sid, START)
    assert found is not None and found.id == opened.id


def test_a_request_reads_the_session_that_it_is_made_in_and_no_other(ada: User) -> None:
    for _ in range(5):
        sign_in(ada)
    end(lambda session: sessions.close_all(session, ada, actor="user:ada", now=START))
    kept = [sign_in(ada)[0] for _ in range(3)]
    read: list[UserSession] = []

    def note(row: UserSession, _: object) -> None:
        read.append(row)

    event.listen(UserSession, "load", note)
    try:
        with database.reading() as session:
            found = sessions.find_session(session, ada, kept[0].sid, START)
        assert found is not None and [row.sid for row in read] == [kept[0].sid]
        read.clear()
        assert live(ada) == [row.sid for row in reversed(kept)] and len(read) == 3
    finally:
        event.remove(UserSession, "load", note)


def test_a_refusal_of_the_audit_is_a_refusal_of_the_session(ada: User) -> None:
    with database.engine().begin() as connection:
        connection.exec_driver_sql("DROP TABLE audit_entries")
    with pytest.raises(Exception, match="audit_entries"):
        sign_in(ada)
    assert live(ada) == []


def test_what_is_stored_opens_nothing(ada: User) -> None:
    _, text = sign_in(ada)
    successor = use(text) or ""
    with database.reading() as session:
        rows = [*session.exec(select(RefreshToken)), *session.exec(select(UserSession))]
        rows += session.exec(select(AuditEntry))
    stored = "".join(row.model_dump_json() for row in rows)
    assert text[4:] not in stored and successor[4:] not in stored


def test_sessions_that_can_be_used_no_more_are_forgotten_with_a_long_chain(ada: User) -> None:
    opened, _ = sign_in(ada)
    with database.session() as session:
        for generation in range(2, 2000):
            token = RefreshToken(
                session_id=opened.id or 0, generation=generation, token_hash=str(generation), created_at=START
            )
            session.add(token)
    sign_in(ada, START + 30 * DAY)
    with database.reading() as session:
        assert session.exec(select(func.count(col(UserSession.id)))).one() == 1
        assert session.exec(select(func.count(col(RefreshToken.id)))).one() == 1


@pytest.mark.slow
def test_a_token_used_by_many_at_once_has_one_successor(
    ada: User, processes: Callable[[int, str], list[str]], tmp_path: Path
) -> None:
    _, text = sign_in(ada)
    answers = use_by_processes(processes, tmp_path / "tokens", [text] * 50)
    (successor,) = {answer for each in answers for answer in each}
    with database.reading() as session:
        chain = session.exec(select(RefreshToken.generation).order_by(col(RefreshToken.generation))).all()
    assert chain == [1, 2]
    third = use(successor, START + SECOND)
    assert third is not None and use(text, START + SECOND) is None and use(third, START + SECOND) is None


@pytest.mark.slow
def test_many_tokens_used_by_many_at_once_have_one_successor_each(
    ada: User, processes: Callable[[int, str], list[str]], tmp_path: Path
) -> None:
    texts = [sign_in(ada)[1] for _ in range(50)]
    first, *others = use_by_processes(processes, tmp_path / "tokens", texts)
    assert len(set(first)) == 50 and others == [first] * 3


def use_by_processes(processes: Callable[[int, str], list[str]], file: Path, texts: list[str]) -> list[list[str]]:
    """What four processes are answered that use these tokens, one after another, at the same time."""
    file.write_text("\n".join(texts))
    printed = processes(4, USE_EACH.format(file=file, moment=START.isoformat()))
    assert all(len(lines.split()) == len(texts) for lines in printed)
    return [lines.split() for lines in printed]
