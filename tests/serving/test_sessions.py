"""Sessions over four workers: a refresh token has one successor, and whoever is thrown out is out everywhere.

How long that takes is printed, not tested: `python -m pytest tests/serving/test_sessions.py -s`.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import pytest
from sqlmodel import col, select

from registry import sessions, users
from registry.accounts import Role, User
from registry.audit import Action, AuditEntry
from registry.sessions import GRACE
from services.security.passwords import hash_password
from tests.serving.callers import Answer, Caller
from tests.serving.conftest import PATIENCE, WINE, Server
from tests.serving.test_people import answered, asked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"
ACTOR = "user:test"
Row = dict[str, float]


@pytest.fixture(scope="module")
def hub(serve: Callable[..., Server]) -> Server:
    """A hub with four workers, started as BentoML's users do, without limits; everybody's password is the same."""
    limits = (
        "MODELPORT_RATE_LIMIT",
        "MODELPORT_USER_RATE_LIMIT",
        "MODELPORT_SIGN_IN_RATE_LIMIT",
        "MODELPORT_UNAUTHENTICATED_RATE_LIMIT",
    )
    command = ("-m", "bentoml", "serve", "--port", "{port}")
    started = serve(*command, MODELPORT_WORKERS="4", **dict.fromkeys(limits, "1000000/minute"))
    assert len(started.workers()) == 4
    return started


@pytest.fixture
def new_user(hub: Server) -> Iterator[Callable[[str], dict[str, str]]]:
    """Make a user who is signed in; their tokens."""
    secret = hash_password(PASSWORD)

    def made(username: str) -> dict[str, str]:
        with hub.store.session() as session:
            users.create_user(session, username=username, role=Role.OPERATOR, password_hash=secret, actor=ACTOR)
        return sign_in(hub, username)

    yield made


def sign_in(hub: Server, username: str) -> dict[str, str]:
    """The tokens of a new session."""
    status, tokens = answered(hub, "/auth/login", {"username": username, "password": PASSWORD})
    assert status == 200, tokens
    known: dict[str, str] = tokens
    return known


def at_once(hub: Server, request: bytes, connections: int) -> list[Answer]:
    """The answers to one request over that many connections at once, which go to any of the workers."""

    async def ask() -> list[Answer]:
        callers = [Caller(hub.port) for _ in range(connections)]
        answers = await asyncio.gather(*(caller.call(request) for caller in callers))
        for caller in callers:
            caller.close()
        return answers

    return asyncio.run(ask())


def statuses(hub: Server, token: str, path: str = "/auth/me", body: Any = None) -> Counter[int]:
    """What a signed-in user is answered by any of the workers."""
    request = asked(path, body, token, "GET" if body is None else "POST")
    return Counter(answer.status for answer in at_once(hub, request, 16))


def test_fifty_uses_of_one_refresh_token_make_one_successor(hub: Server, new_user: Any) -> None:
    tokens = new_user("fifty")
    request = asked("/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    answers = at_once(hub, request, 50)
    assert Counter(answer.status for answer in answers) == {200: 50}
    made = [json.loads(answer.body) for answer in answers]
    (successor,) = {one["refresh_token"] for one in made}
    assert all(statuses(hub, one["access_token"]).keys() == {200} for one in (tokens, made[0], made[-1]))
    with hub.store.session() as session:
        found = select(sessions.RefreshToken.generation).join(sessions.UserSession).join(User)
        assert sorted(session.exec(found.where(User.username == "fifty"))) == [1, 2]

    status, next_ones = answered(hub, "/auth/refresh", {"refresh_token": successor})
    assert status == 200
    assert answered(hub, "/auth/refresh", {"refresh_token": tokens["refresh_token"]})[0] == 401, "it was copied"
    out_everywhere(hub, next_ones["access_token"], "a reused refresh token")
    assert answered(hub, "/auth/refresh", {"refresh_token": next_ones["refresh_token"]})[0] == 401
    with hub.store.session() as session:
        last = (
            select(AuditEntry).where(AuditEntry.action == Action.SESSION_REVOKED).order_by(col(AuditEntry.seq).desc())
        )
        entry = session.exec(last).first()
        assert entry is not None and entry.actor == "server" and "fifty" in entry.detail


def test_a_lost_answer_is_given_again_until_the_grace_ends(hub: Server, new_user: Any) -> None:
    tokens = new_user("late")
    body = {"refresh_token": tokens["refresh_token"]}
    (_, first), (_, again) = (answered(hub, "/auth/refresh", body) for _ in range(2))
    assert first["refresh_token"] == again["refresh_token"]

    sleep(GRACE.total_seconds() + 1)
    assert answered(hub, "/auth/refresh", body)[0] == 401
    out_everywhere(hub, first["access_token"], "a refresh token that came back after its grace")


@pytest.mark.parametrize("what", ["disabled", "signed out everywhere"])
def test_whoever_is_thrown_out_is_out_at_every_worker(hub: Server, new_user: Any, row: Row, what: str) -> None:
    name = what.split()[0]
    tokens, others = new_user(name), sign_in(hub, name)
    for one in (tokens, others):
        assert statuses(hub, one["access_token"], WINE, row).keys() == {200}
    if what == "disabled":
        with hub.store.session() as session:
            users.set_active(session, users.existing_user(session, name), False, actor=ACTOR)
    else:
        assert answered(hub, "/auth/logout-all", None, others["access_token"]) == (200, {"sessions": 2})

    for one in (tokens, others):
        out_everywhere(hub, one["access_token"], f"a user {what}")
    assert statuses(hub, tokens["access_token"], WINE, row).keys() == {401}


def test_a_lowered_role_is_lower_at_every_worker(hub: Server, new_user: Any, row: Row) -> None:
    token = new_user("lowered")["access_token"]
    assert statuses(hub, token, WINE, row).keys() == {200}
    with hub.store.session() as session:
        users.set_role(session, users.existing_user(session, "lowered"), Role.VIEWER, actor=ACTOR)

    until(lambda: statuses(hub, token, WINE, row).keys() == {403}, "a lowered role")
    assert statuses(hub, token).keys() == {200}, "still signed in"


def out_everywhere(hub: Server, token: str, why: str) -> None:
    """Wait until no worker takes the token."""
    until(lambda: statuses(hub, token).keys() == {401}, why)


def until(condition: Callable[[], bool], why: str) -> None:
    """Wait patiently, and print how long it took."""
    started = monotonic()
    while not condition():
        assert monotonic() - started < PATIENCE, f"{why} was not heard of everywhere"
    print(f"\n{why}: everywhere after {monotonic() - started:.2f} s at most")
