"""/admin/users: who may sign in, and as what."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services import user_admin
from services.control.callers import READS_JSON, OfThreads, permitted
from services.control.described import failures
from services.control.threads import Threads
from services.control.user_bodies import NewUser, UserAnswer, UserChange, UserList, UsersAsked
from services.security.bearer import Identity
from services.security.passwords import hash_password
from services.security.permissions import Permission
from services.user_admin import Change

router = APIRouter(prefix="/admin/users", tags=["admin"])

Reader = Annotated[Identity, permitted(Permission.USERS_READ)]
Writer = Annotated[Identity, permitted(Permission.USERS_WRITE)]
USER = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$", description="The user's id or name.")]


@router.get("", summary="List users", responses=failures(401, 403))
async def list_users(who: Reader, asked: Annotated[UsersAsked, Query()], threads: OfThreads) -> UserList:
    """The users a page at a time, by name unless told otherwise."""
    found = await threads.registry(
        user_admin.list_users,
        who,
        role=asked.role,
        active=asked.active,
        prefix=asked.username,
        sort=asked.sort,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return UserList(items=[UserAnswer.of(user) for user in found.items], next_cursor=found.next_cursor)


@router.post(
    "", summary="Make a user", status_code=201, dependencies=READS_JSON, responses=failures(401, 403, 409, 415)
)
async def create(who: Writer, body: NewUser, threads: OfThreads) -> UserAnswer:
    """Make a user, who signs in with the password if there is one."""
    user_admin.check_new(body.username, body.email, body.password)
    password_hash = await _hash(threads, body.password)
    made = await threads.registry(user_admin.create, who, body.username, body.role, body.email, password_hash)
    return UserAnswer.of(made)


@router.get("/{id}", summary="Show a user", responses=failures(401, 403, 404))
async def one_user(who: Reader, id: USER, threads: OfThreads) -> UserAnswer:
    """One user."""
    return UserAnswer.of(await threads.registry(user_admin.one_user, who, id))


@router.patch("/{id}", summary="Change a user", dependencies=READS_JSON, responses=failures(401, 403, 404, 409, 415))
async def change(who: Writer, id: USER, body: UserChange, threads: OfThreads) -> UserAnswer:
    """Change role, address, state or password. A new password ends the user's sessions, and so does disabling them."""
    password = body.password if "password" in body.model_fields_set else None
    await threads.registry(user_admin.check_change, who, id, password)
    wanted = Change(body.fields(), await _hash(threads, password))
    return UserAnswer.of(await threads.registry(user_admin.change, who, id, wanted))


@router.delete("/{id}", summary="Remove a user", status_code=204, responses=failures(401, 403, 404, 409))
async def delete(who: Writer, id: USER, threads: OfThreads) -> Response:
    """Remove a user with their keys and sessions. What they did stays in the audit trail."""
    await threads.registry(user_admin.delete, who, id)
    return Response(status_code=204)


async def _hash(threads: Threads, password: str | None) -> str | None:
    return None if password is None else await threads.auth.call(hash_password, password)
