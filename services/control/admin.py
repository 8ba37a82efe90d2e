"""/admin: the platform in numbers, and who changed what in it. `services.control.users` has /admin/users."""

from typing import Annotated

from fastapi import APIRouter, Query

from services import audit_trail, stats
from services.control.admin_bodies import EntriesAsked, EntryAnswer, EntryList, Stats, VerdictAnswer
from services.control.callers import OfThreads, permitted
from services.control.described import failures
from services.security.bearer import Identity
from services.security.permissions import Permission

router = APIRouter(prefix="/admin", tags=["admin"])

Watcher = Annotated[Identity, permitted(Permission.MONITORING_READ)]
Auditor = Annotated[Identity, permitted(Permission.AUDIT_READ)]


@router.get("/stats", summary="The platform in numbers", responses=failures(401, 403))
async def numbers(who: Watcher, threads: OfThreads) -> Stats:
    """Users, endpoints and keys there are, and what was asked in the last 24 hours."""
    return Stats.model_validate(await threads.registry(stats.stats, who))


@router.get("/audit", summary="Who changed what", responses=failures(401, 403))
async def entries(who: Auditor, asked: Annotated[EntriesAsked, Query()], threads: OfThreads) -> EntryList:
    """The audit trail a page at a time, newest first unless told otherwise."""
    found = await threads.registry(
        audit_trail.list_entries,
        who,
        actor=asked.actor,
        action=asked.action,
        target=asked.target,
        since=asked.since,
        until=asked.until,
        sort=asked.sort,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return EntryList(items=[EntryAnswer.of(entry) for entry in found.items], next_cursor=found.next_cursor)


@router.get("/audit/verify", summary="Has anybody touched the trail?", responses=failures(401, 403))
async def verify(who: Auditor, threads: OfThreads) -> VerdictAnswer:
    """Reads the whole trail and says where it does not hold. A worker does it for one caller at a time (503)."""
    return VerdictAnswer.of(await threads.registry(audit_trail.verify_all, who))
