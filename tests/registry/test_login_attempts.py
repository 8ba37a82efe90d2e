import math
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from registry import database
from registry.errors import RateLimited
from registry.login_attempts import ACCOUNT, KEPT, NETWORK, LoginAttempt, admit, delay, record_attempt, succeed

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOME, AWAY = "203.0.113.7", "198.51.100.9"


def tried(
    session: Session, *, at: datetime = NOON, username: str = "ada", address: str = HOME, success: bool = False
) -> LoginAttempt:
    """An attempt of Ada's from home that failed."""
    return record_attempt(session, username=username, address=address, user_agent="curl/8", success=success, at=at)


def after(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def test_a_few_failures_cost_nothing_and_then_each_doubles_the_wait(store: str) -> None:
    waits = []
    with database.session() as session:
        for _ in range(20):
            waits.append(delay(session, "ada", AWAY, NOON))
            tried(session)
    assert waits[:9] == [0, 0, 0, 0, 0, 1, 2, 4, 8]
    assert waits[-1] == ACCOUNT.longest


def test_waiting_is_counted_from_the_latest_failure_and_ends(store: str) -> None:
    with database.session() as session:
        for _ in range(8):
            tried(session)
        assert [delay(session, "ada", AWAY, after(seconds)) for seconds in (0, 3, 7.5, 8, 100)] == [8, 5, 0.5, 0, 0]


def test_no_account_is_ever_locked_and_all_is_forgotten_in_an_hour(store: str) -> None:
    with database.session() as session:
        for second in range(3000):
            session.add(
                LoginAttempt(
                    username="ada",
                    ip_address=HOME,
                    network=HOME,
                    user_agent="",
                    success=False,
                    created_at=after(second),
                )
            )
        session.flush()
        assert delay(session, "ada", AWAY, after(3000)) <= ACCOUNT.longest
        assert delay(session, "ada", HOME, after(3000 + ACCOUNT.longest)) == 0
        for _ in range(5):
            tried(session, at=after(3 * 3600))
        assert delay(session, "ada", AWAY, after(3 * 3600)) == 1


def test_a_success_ends_the_accounts_wait_but_not_the_addresss(store: str) -> None:
    with database.session() as session:
        for _ in range(25):
            tried(session)
        tried(session, success=True)
        assert delay(session, "ada", AWAY, NOON) == 0
        assert delay(session, "ada", HOME, NOON) == NETWORK.wait(25) > 0
        tried(session)
        assert delay(session, "ada", AWAY, NOON) == 0


def test_an_address_is_slowed_down_whatever_names_it_tries(store: str) -> None:
    with database.session() as session:
        for number in range(21):
            tried(session, username=f"user{number}")
        assert delay(session, "bob", HOME, NOON) == 2
        assert delay(session, "bob", AWAY, NOON) == 0


def test_an_ipv6_host_is_its_network(store: str) -> None:
    with database.session() as session:
        for number in range(21):
            tried(session, username=f"user{number}", address=f"2001:db8:1:2::{number:x}")
        for address in ("2001:db8:1:2:ffff::1", "2001:DB8:1:2::99%eth0"):
            assert delay(session, "bob", address, NOON) == 2
        assert delay(session, "bob", "2001:db8:1:3::1", NOON) == 0
        for number in range(21):
            tried(session, username=f"user{number}", address=f"::ffff:{HOME}")
        assert delay(session, "bob", HOME, NOON) == 2


def test_a_stranger_who_knows_a_name_cannot_keep_its_owner_out(store: str) -> None:
    with database.session() as session:
        tried(session, success=True, at=NOON - timedelta(days=30))
        for _ in range(12):
            tried(session, address=AWAY)
        assert delay(session, "ada", AWAY, NOON) == 128
        assert delay(session, "ada", HOME, NOON) == 0
        for _ in range(6):
            tried(session)
        assert delay(session, "ada", HOME, NOON) == 2  # a place one knows has its own count


def test_guessing_at_every_allowed_moment_gets_few_guesses_a_day(home: object) -> None:
    database.upgrade()
    guesses, at = 0, NOON
    with database.session() as session:
        while at < NOON + timedelta(days=1):
            seconds = delay(session, "ada", AWAY, at)
            if seconds == 0:
                tried(session, at=at, address=str(uuid.uuid4()))
                guesses += 1
            at += timedelta(seconds=math.ceil(seconds))
    assert guesses < 320


def test_names_that_nobody_bears_are_slowed_down_alike_and_spellings_are_one(store: str) -> None:
    with database.session() as session:
        for spelt in ("ghost", "GHOST", "ｇhost", "Ghost", "ghost", "ghost"):
            tried(session, username=spelt)
        assert delay(session, "gHost", AWAY, NOON) == 2


def test_what_cannot_be_a_name_is_not_kept_but_counts_for_the_address(store: str) -> None:
    with database.session() as session:
        for _ in range(21):
            tried(session, username="my secret passphrase!")
        assert session.exec(select(col(LoginAttempt.username)).distinct()).all() == [None]
        assert delay(session, "bob", HOME, NOON) == 2


@pytest.mark.parametrize("strange", ["", "\0", "x" * 64_000, "'; DROP TABLE users; --", "\ud800", "a\nb"])
def test_strange_names_addresses_and_agents_are_kept_harmless(store: str, strange: str) -> None:
    with database.session() as session:
        attempt = record_attempt(session, username=strange, address=strange, user_agent=strange, success=False)
        assert attempt.user_agent.isprintable() and len(attempt.user_agent) <= 256
        assert attempt.ip_address.isprintable() and len(attempt.ip_address) <= 64
        assert delay(session, strange, strange, attempt.created_at) == 0


def test_an_admitted_attempt_counts_as_failed_until_it_has_succeeded(store: str) -> None:
    with database.session() as session:
        for _ in range(5):
            attempt = admit(session, username="ada", address=HOME, user_agent="curl/8", at=NOON)
        with pytest.raises(RateLimited, match="wait") as refused:
            admit(session, username="ada", address=HOME, user_agent="curl/8", at=after(0.2))
        assert refused.value.headers == {"Retry-After": "1"}
        succeed(session, attempt)
        admit(session, username="ada", address=HOME, user_agent="curl/8", at=after(0.2))


def test_attempts_at_once_do_not_slip_past_one_count(store: str) -> None:
    def one_more() -> None:
        with database.session() as session:
            admit(session, username="ada", address=AWAY, user_agent="", at=NOON)

    with ThreadPoolExecutor() as threads:
        with database.session() as session:
            for _ in range(5):
                admit(session, username="ada", address=HOME, user_agent="", at=NOON)
            sixth = threads.submit(one_more)
            wait([sixth], timeout=0.5)  # long enough for one that did not wait for the others to get through
        with pytest.raises(RateLimited):
            sixth.result()


def test_old_attempts_are_forgotten(store: str) -> None:
    with database.session() as session:
        tried(session, at=NOON - KEPT - timedelta(seconds=1))
        tried(session)
        assert len(session.exec(select(LoginAttempt)).all()) == 1
