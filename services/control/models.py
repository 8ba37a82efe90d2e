"""/models: the models there are, and uploading one."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from registry.catalog import Model
from registry.errors import InvalidInput, Unavailable
from services import models
from services.control.callers import OfThreads, permitted
from services.control.described import failures
from services.control.model_bodies import ModelDetails, ModelList, ModelRow, ModelsAsked
from services.control.threads import Threads
from services.models import Listed
from services.security.bearer import Identity
from services.security.permissions import Permission
from services.uploads.admission import admit
from services.uploads.form import Form
from services.uploads.kept import Change

PIECE = 1024**2  # bytes that are written at a time
IDLE_SECONDS = 30.0  # between two pieces of a body

router = APIRouter(tags=["models"])

Reader = Annotated[Identity, permitted(Permission.MODELS_READ)]
Writer = Annotated[Identity, permitted(Permission.MODELS_WRITE)]
MODEL = Annotated[int, Path(ge=1, le=2**31 - 1, description="The model's id.")]

_FILE = {"type": "string", "format": "binary", "description": "The model: ONNX, .keras, SavedModel as .zip, .skops, …"}
_SAMPLE = {"type": "string", "format": "binary", "description": "A few rows: .csv, .json, .parquet, .npy or .npz."}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": _FILE,
                        "name": {
                            "type": "string",
                            "maxLength": 63,
                            "pattern": "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$",
                            "description": "By default the file's.",
                            "examples": ["churn"],
                        },
                        "classes": {
                            "type": "string",
                            "maxLength": 65536,
                            "description": "The classes by name, separated by commas.",
                            "examples": ["leaves,stays"],
                        },
                        "sample": _SAMPLE,
                    },
                }
            }
        },
    }
}
_UPLOAD = failures(401, 403, 415) | {200: {"model": ModelDetails, "description": "The newest version is that already."}}


@router.get("/models/", summary="List the models", responses=failures(401, 403))
@router.get("/models", name="list_models_too", summary="List the models", responses=failures(401, 403))
async def list_models(who: Reader, asked: Annotated[ModelsAsked, Query()], threads: OfThreads) -> ModelList:
    """Every version of every model a page at a time, newest first unless told otherwise."""
    found = await threads.registry(
        models.listed,
        who,
        sort=asked.sort,
        limit=asked.limit,
        cursor=asked.cursor,
        name=asked.name,
        framework=asked.framework,
    )
    return ModelList(items=[ModelRow.of(one) for one in found.items], next_cursor=found.next_cursor)


@router.post("/models/", summary="Upload a model", status_code=201, responses=_UPLOAD, openapi_extra=_FORM)
@router.post(
    "/models",
    name="upload_model_too",
    summary="Upload a model",
    status_code=201,
    responses=_UPLOAD,
    openapi_extra=_FORM,
)
async def upload_model(who: Writer, request: Request, response: Response, threads: OfThreads) -> ModelDetails:
    """Upload a model in a format without pickles: recognised by its content, checked, and loaded in a process of its own.

    It becomes the next version of its name, and serves nothing before it is exported.
    """
    if threads.uploads.locked():
        raise Unavailable("Too many uploads at once.", headers={"Retry-After": "10"})
    async with threads.uploads:
        model, is_new = await _receive(who, request, threads)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/models/{model.id}"
    if is_new or model.id is None:
        return ModelDetails.of(Listed(model, []))
    return ModelDetails.of(await threads.registry(models.one, who, model.id))


@router.get("/models/{model_id}", summary="Show a model", responses=failures(401, 403, 404))
async def one_model(who: Reader, model_id: MODEL, threads: OfThreads) -> ModelDetails:
    """A model with its signature and what its export proved and measured."""
    return ModelDetails.of(await threads.registry(models.one, who, model_id))


@router.delete("/models/{model_id}", summary="Delete a model", status_code=204, responses=failures(401, 403, 404, 409))
async def delete_model(who: Writer, model_id: MODEL, threads: OfThreads) -> Response:
    """Delete a version that no endpoint serves, with its file and what was built of it."""
    await threads.registry(models.delete, who, model_id)
    return Response(status_code=204)


async def _receive(who: Identity, request: Request, threads: Threads) -> tuple[Model, bool]:
    """The body onto the disk, and from there into the registry; whatever is refused leaves nothing behind."""
    change = Change()
    await threads.disk(change.__enter__)
    try:
        form = Form(request.headers.get("content-type", ""), change.folder)
        try:
            await _read(request, form, threads)
        finally:
            await threads.disk(form.close)
        form.end()
        return await threads.disk(admit, who, change, form)
    finally:
        await asyncio.shield(threads.disk(change.__exit__, None, None, None))


async def _read(request: Request, form: Form, threads: Threads) -> None:
    """In large pieces, so that the disk's pace is the client's and the memory stays small."""
    pending = bytearray()
    pieces = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                piece = await anext(pieces, None)
        except TimeoutError:
            raise InvalidInput("The upload has come to a halt.", headers={"Connection": "close"}) from None
        pending += piece or b""
        if len(pending) >= PIECE or (piece is None and pending):
            await threads.disk(form.feed, bytes(pending))
            pending.clear()
        if piece is None:
            return
