"""/keys: API keys, people's own and for admins everybody's. A key's text is in the answer that makes it and nowhere else."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from registry.idempotency import Answer
from services import duration, held_keys
from services.control.callers import READS_JSON, OfThreads, permitted
from services.control.described import failures
from services.control.idempotency import Once, answered
from services.control.key_bodies import KeyDetails, KeyList, KeyMade, KeyRow, KeysAsked, NewKey, Rotation
from services.keys import mint_key
from services.security.bearer import Identity
from services.security.permissions import Permission

router = APIRouter(prefix="/keys", tags=["keys"])

Holder = Annotated[Identity, permitted(Permission.KEYS_OWN)]
KEY = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$", description="The key's id.")]
AS_USUAL = Rotation()


@router.get("", summary="List API keys", responses=failures(401, 403, 404))
async def list_keys(who: Holder, asked: Annotated[KeysAsked, Query()], threads: OfThreads) -> KeyList:
    """Your keys, or everybody's if you may see them; newest first unless told otherwise."""
    found = await threads.registry(
        held_keys.list_keys,
        who,
        user=asked.user,
        endpoint=asked.endpoint,
        sort=asked.sort,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return KeyList(items=[KeyRow.model_validate(one) for one in found.items], next_cursor=found.next_cursor)


@router.post(
    "",
    summary="Make an API key",
    status_code=201,
    response_model=KeyMade,
    dependencies=READS_JSON,
    responses=failures(401, 403, 404, 415, 422),
)
async def create(who: Holder, body: NewKey, asked: Once, threads: OfThreads) -> Response:
    """Make a key that may do what you may at most. Its text is in this answer and nowhere else."""
    return _with_text(await threads.registry(held_keys.create, who, body.wanted(), asked))


@router.get("/{id}", summary="Show an API key", responses=failures(401, 403, 404))
async def one_key(who: Holder, id: KEY, threads: OfThreads) -> KeyDetails:
    """What is known of a key; never its text."""
    return KeyDetails.model_validate(await threads.registry(held_keys.one_key, who, id))


@router.delete("/{id}", summary="Revoke an API key", status_code=204, responses=failures(401, 403, 404))
async def revoke(who: Holder, id: KEY, threads: OfThreads) -> Response:
    """End a key at once: it is refused everywhere within two seconds. Again changes nothing."""
    await threads.registry(held_keys.revoke, who, id)
    return Response(status_code=204)


@router.post(
    "/{id}/rotate",
    summary="Replace an API key",
    status_code=201,
    response_model=KeyMade,
    dependencies=READS_JSON,
    responses=failures(401, 403, 404, 409, 415, 422),
)
async def rotate(who: Holder, id: KEY, asked: Once, threads: OfThreads, body: Rotation = AS_USUAL) -> Response:
    """Make a key's successor, for the same use and as long a life; the old one works on for the grace period."""
    return _with_text(await threads.registry(held_keys.rotate, who, id, duration.parse(body.grace), asked))


def _with_text(answer: Answer) -> Response:
    """The answer with the key's text, which comes of the same seed the first time and again."""
    known = KeyDetails.model_validate(answer.body).model_dump(mode="json")
    return answered(answer._replace(body=known), api_key=mint_key(answer.seed).text)
