"""Requests that name themselves, so that one that is sent again changes nothing and gets the same answer.

The name (`Idempotency-Key`) counts for one user and one route, for 24 hours. A record is written in the transaction of
the change that it names, so neither exists without the other; who comes at the same time waits for that transaction.
Failures are not kept. Decision 13 says why a secret in an answer can be given again although it is stored nowhere.
"""

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import Text, UniqueConstraint, delete
from sqlmodel import Field, Session, SQLModel, col, select

from registry.accounts import User
from registry.clock import now
from registry.columns import BigId, UtcDateTime
from registry.database import exclusive
from registry.errors import IdempotencyKeyReused
from registry.settings import settings

KEPT = timedelta(hours=24)


class IdempotencyRecord(SQLModel, table=True):
    """One change, and what was answered to who asked for it."""

    __tablename__ = "idempotency_records"
    __table_args__ = (UniqueConstraint("user_id", "route", "key", name="uq_idempotency_records_user_id_route_key"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    user_id: int = Field(foreign_key="users.id", ondelete="CASCADE")
    route: str = Field(description="Method and template: POST /keys.")
    key: str = Field(max_length=128, description="What the client calls the request.")
    request_digest: str = Field(description="HMAC-SHA256 of path and body, in hex.")
    status: int
    body: str = Field(sa_type=Text, description="The answer as JSON, without its secret.")
    seed: str = Field(description="256 random bits in hex, from which the secret was derived under the pepper.")
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Asked(NamedTuple):
    """A request that names itself, and what it says."""

    route: str
    key: str
    digest: str


class Answer(NamedTuple):
    """What a change is answered with, now and again; `seed` makes the secret in it, which the body leaves out."""

    status: int
    body: dict[str, Any]
    seed: bytes
    replayed: bool


def digest(path: str, body: bytes) -> str:
    """What tells two requests apart: the path, and the body as JSON whatever its spaces and the order of its names."""
    plain = json.dumps([path, json.loads(body) if body else None], sort_keys=True)
    return hmac.digest(settings().derived_key("idempotency"), plain.encode(), sha256).hex()


def once(
    session: Session,
    user: User,
    asked: Asked | None,
    make: Callable[[bytes], Mapping[str, Any]],
    *,
    status: int = 201,
    at: datetime | None = None,
) -> Answer:
    """Make the change, or answer as it was answered when this user asked the same before.

    `make` gets the seed for whatever secret it makes, and gives the answer's body without that secret. A request that
    doesn't name itself (None) is simply made. IdempotencyKeyReused when the name was used for another request.
    """
    if asked is None:
        seed = secrets.token_bytes(32)
        return Answer(status, _plain(make(seed)), seed, replayed=False)
    exclusive(session)  # before anything is read: of two at once, the second finds what the first has made
    at = at or now()
    record = _find(session, user, asked, at)
    if record is not None:
        return Answer(record.status, json.loads(record.body), bytes.fromhex(record.seed), replayed=True)
    seed = secrets.token_bytes(32)
    body = _plain(make(seed))
    _keep(session, user, asked, Answer(status, body, seed, replayed=False), at)
    return Answer(status, body, seed, replayed=False)


def _find(session: Session, user: User, asked: Asked, at: datetime) -> IdempotencyRecord | None:
    session.exec(delete(IdempotencyRecord).where(col(IdempotencyRecord.created_at) <= at - KEPT))
    of_user = select(IdempotencyRecord).where(IdempotencyRecord.user_id == user.id)
    named = of_user.where(IdempotencyRecord.route == asked.route, IdempotencyRecord.key == asked.key)
    record = session.exec(named).first()
    if record is not None and not hmac.compare_digest(record.request_digest, asked.digest):
        raise IdempotencyKeyReused("This Idempotency-Key was used for another request: choose a new one")
    return record


def _keep(session: Session, user: User, asked: Asked, answer: Answer, at: datetime) -> None:
    assert user.id is not None
    record = IdempotencyRecord(
        user_id=user.id,
        route=asked.route,
        key=asked.key,
        request_digest=asked.digest,
        status=answer.status,
        body=json.dumps(answer.body),
        seed=answer.seed.hex(),
        created_at=at,
    )
    session.add(record)
    session.flush()


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as it is when it has been JSON, so that both answers are the same."""
    plain: dict[str, Any] = json.loads(to_json(body))
    return plain
