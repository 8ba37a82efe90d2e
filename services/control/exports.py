"""/api/exports: the exported endpoints."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from services import exports
from services.control.callers import OfThreads, permitted
from services.control.described import failures
from services.control.export_bodies import ExportDetails, ExportList, ExportRow, ExportsAsked
from services.security.bearer import Identity
from services.security.permissions import Permission

router = APIRouter(prefix="/api/exports", tags=["exports"])

Reader = Annotated[Identity, permitted(Permission.EXPORTS_READ)]
NAME = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$", description="The endpoint's name or id.")]


@router.get("", summary="List the exported endpoints", responses=failures(401, 403))
async def list_exports(who: Reader, asked: Annotated[ExportsAsked, Query()], threads: OfThreads) -> ExportList:
    """The endpoints a page at a time, by name unless told otherwise."""
    found = await threads.registry(
        exports.list_exports,
        who,
        status=asked.status,
        prefix=asked.name,
        framework=asked.framework,
        sort=asked.sort,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return ExportList(items=[ExportRow.of(one) for one in found.items], next_cursor=found.next_cursor)


@router.get("/{name}", summary="Show an exported endpoint", responses=failures(401, 403, 404))
async def one_export(who: Reader, name: NAME, threads: OfThreads) -> ExportDetails:
    """One endpoint in full: where it answers, its model, its columns, its limit."""
    return ExportDetails.of(await threads.registry(exports.one_export, who, name))
