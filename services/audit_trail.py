"""The audit trail as people read it, on the command line and over HTTP."""

import json
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple

from sqlmodel import Session, col

from registry.audit import Action, AuditEntry
from registry.errors import Unavailable
from registry.pages import Page, page
from registry.trail import head, select_entries, verify
from services.security.bearer import Identity
from services.security.permissions import Permission
from services.signed_in import looking

SORTED = {"seq": col(AuditEntry.seq)}
NAMED = 100  # problems of a broken chain; each one more says the same

_verifying = Lock()


class Verdict(NamedTuple):
    """What came of a verification: the chain's end, and the first places where it does not hold."""

    entries: int
    head: str | None
    problems: list[str]
    found: int


def row(entry: AuditEntry) -> dict[str, Any]:
    """What is told of an entry; a detail that somebody has damaged is told as it stands."""
    try:
        detail = json.loads(entry.detail)
    except ValueError:
        detail = entry.detail
    known = {name: getattr(entry, name) for name in ("seq", "created_at", "actor", "action", "target")}
    return known | {"detail": detail}


def list_entries(
    who: Identity,
    *,
    actor: str | None,
    action: Action | None,
    target: str | None,
    since: datetime | None,
    until: datetime | None,
    sort: str,
    limit: int,
    cursor: str | None,
) -> Page[AuditEntry]:
    """A page of the entries by that actor, of that action, on that target, within that time."""
    chosen = select_entries(actor=actor, action=action, target=target, since=since, until=until)
    with looking(who, Permission.AUDIT_READ) as (opened, _):
        return page(opened, chosen, SORTED, id=col(AuditEntry.seq), sort=sort, limit=limit, cursor=cursor)


def verify_all(who: Identity) -> Verdict:
    """Whether the chain holds; Unavailable while this worker is verifying it for somebody else.

    It reads every entry: were each of these to take a thread, nobody could do anything else.
    """
    if not _verifying.acquire(blocking=False):
        raise Unavailable("The chain is being verified already; ask again shortly.", headers={"Retry-After": "5"})
    try:
        with looking(who, Permission.AUDIT_READ) as (opened, _):
            return _verdict(opened)
    finally:
        _verifying.release()


def _verdict(opened: Session) -> Verdict:
    named, found = [], 0
    for problem in verify(opened):
        found += 1
        if found <= NAMED:
            named.append(str(problem))
    end = head(opened)
    return Verdict(end.entries if end is not None else 0, end.hash if end is not None else None, named, found)
