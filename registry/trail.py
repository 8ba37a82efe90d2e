"""Reads the audit chain: lists its entries, and verifies that nobody has touched them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, LargeBinary, cast, type_coerce
from sqlalchemy.types import NullType
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from registry.audit import AuditEntry, AuditHead, digest, entry_key, is_sealed

TEXTS = ("created_at", "actor", "action", "target", "detail", "prev_hash", "hash")
_BATCH = 1000
_STEP = 10_000


class Problem(NamedTuple):
    """Where the chain does not hold, and why; `seq` None is the head."""

    seq: int | None
    reason: str

    def __str__(self) -> str:
        return f"{'head' if self.seq is None else f'entry {self.seq}'}: {self.reason}"


class Head(NamedTuple):
    """What the registry says of the chain's end: how many entries there are, and the last one's hash."""

    entries: int
    hash: str


def select_entries(
    *,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> SelectOfScalar[AuditEntry]:
    """A statement for the entries by that actor, of that action, on that target; `since` is within, `until` without."""
    chosen = select(AuditEntry)
    for column, wanted in ((AuditEntry.actor, actor), (AuditEntry.action, action), (AuditEntry.target, target)):
        if wanted is not None:
            chosen = chosen.where(col(column) == wanted)
    if since is not None:
        chosen = chosen.where(col(AuditEntry.created_at) >= since)
    return chosen if until is None else chosen.where(col(AuditEntry.created_at) < until)


def entries(
    session: Session,
    *,
    since: datetime | None = None,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """The newest entries first, as many as `limit`; `before` is the `seq` that an earlier list ended with."""
    seq, chosen = col(AuditEntry.seq), select_entries(actor=actor, action=action, target=target, since=since)
    if before is not None:
        chosen = chosen.where(seq < before)
    return list(session.exec(chosen.order_by(seq.desc()).limit(limit)))


def head(session: Session) -> Head | None:
    """Where the chain ends; None when that was tampered with."""
    columns = (_raw(session, AuditHead.hash), _raw(session, AuditHead.seal))
    row = session.execute(select(cast(col(AuditHead.entries), BigInteger), *columns)).first()
    if row is None:
        return None
    try:
        count, last, sealed = row[0], _text(row[1]), _text(row[2])
    except ValueError:
        return None
    return Head(count, last) if is_sealed(count, last, sealed) else None


def verify(session: Session, progress: Callable[[int], None] | None = None) -> Iterator[Problem]:
    """Every place where the chain does not hold, in order; none is an intact chain.

    Reads it as a stream, and tells `progress` how far it is every 10,000 entries.
    """
    end = head(session)
    if end is None:
        yield Problem(None, "is missing or was edited")
    key, seq, previous = entry_key(), 0, ""
    for number, (found, row) in enumerate(_rows(session), 1):
        if found > seq + 1:
            yield Problem(found, f"entries {seq + 1} to {found - 1} before it are missing")
        elif row is not None and row["prev_hash"] != previous:
            yield Problem(found, "does not follow the entry before it")
        if row is None or not _holds(key, found, row):
            yield Problem(found, "was edited")
        elif end is not None and found == end.entries and row["hash"] != end.hash:
            yield Problem(found, "is not the one that the head tells of")
        seq, previous = found, row["hash"] if row is not None else ""
        if progress is not None and number % _STEP == 0:
            progress(number)
    if end is not None and seq < end.entries:
        yield Problem(None, f"entries {seq + 1} to {end.entries} are missing at the end")
    elif end is not None and seq > end.entries and head(session) == end:  # else some were added meanwhile
        yield Problem(None, f"tells of {end.entries} entries only")


def _rows(session: Session) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Every entry's number and its texts; None where they are no texts."""
    seq = col(AuditEntry.seq)
    columns = [_raw(session, getattr(AuditEntry, name)) for name in TEXTS]
    chosen = select(cast(seq, BigInteger), *columns).order_by(seq).execution_options(yield_per=_BATCH)
    for number, moment, *values in session.execute(chosen):
        try:
            yield number, dict(zip(TEXTS, [_moment(moment), *map(_text, values)], strict=True))
        except ValueError:
            yield number, None


def _holds(key: bytes, seq: int, row: dict[str, str]) -> bool:
    signed = {name: value for name, value in row.items() if name != "hash"} | {"seq": seq}
    return compare_digest(row["hash"].encode(), digest(key, signed).encode())


def _raw(session: Session, column: Any) -> ColumnElement[Any]:
    """The column as it is stored: in SQLite somebody may have put anything there, and it must still be named."""
    return cast(column, LargeBinary) if session.get_bind().dialect.name == "sqlite" else type_coerce(column, NullType())


def _text(stored: Any) -> str:
    """ValueError when it is none."""
    if isinstance(stored, bytes):
        return stored.decode()
    if not isinstance(stored, str):
        raise ValueError("no text")
    return stored


def _moment(stored: Any) -> str:
    """The moment as it stands in the digest; ValueError when SQLite's text is not one that was written by `record`."""
    if isinstance(stored, datetime):
        return stored.astimezone(UTC).isoformat()
    moment = datetime.fromisoformat(_text(stored)).replace(tzinfo=UTC)
    if moment.replace(tzinfo=None).isoformat(" ", "microseconds") != _text(stored):
        raise ValueError("not the form that is written")
    return moment.isoformat()
