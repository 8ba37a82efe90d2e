"""/auth: signing in and out, and what people do with their own account. Needs no permission but being signed in."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from services import account, sessions, sign_in
from services.control.bodies import (
    ClaimsAnswer,
    Credentials,
    Ended,
    FirstAdmin,
    PasswordChange,
    Profile,
    Refresh,
    SessionAnswer,
    SessionList,
    SessionsAsked,
    Tokens,
)
from services.control.callers import NO_CREDENTIALS, READS_JSON, Caller, From, OfThreads, OfTokens
from services.control.described import failures
from services.sessions import signed_in

# Who calls these has no token yet; and how many may at once, in each worker: one password is verified at a time, and the
# others wait about a second each. A refresh hashes nothing.
OPEN = {"/auth/login": 16, "/auth/bootstrap": 16, "/auth/refresh": 64}

TO_ALL: dict[str, Any] = {"dependencies": READS_JSON, "openapi_extra": NO_CREDENTIALS}

router = APIRouter(prefix="/auth", tags=["auth"])

SID = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$", description="The session.")]


@router.post("/login", summary="Sign in", responses=failures(401, 415), **TO_ALL)
async def login(body: Credentials, threads: OfThreads, tokens: OfTokens, client: From) -> Tokens:
    """Open a session. Whatever is wrong with name or password, the answer is the same."""
    opened = await threads.auth.call(sign_in.sign_in, body.username, body.password, client)
    return Tokens.of(signed_in(opened, tokens))


@router.post("/refresh", summary="Get new tokens", responses=failures(401, 415), **TO_ALL)
async def refresh(body: Refresh, threads: OfThreads, tokens: OfTokens) -> Tokens:
    """Exchange a refresh token for new tokens. It works once: the session of one that comes again later is ended."""
    opened = await threads.auth.call(sessions.renew, body.refresh_token)
    return Tokens.of(signed_in(opened, tokens))


@router.post(
    "/bootstrap",
    summary="Make the first admin",
    status_code=201,
    responses=failures(401, 409, 415),
    **TO_ALL,
)
async def bootstrap(body: FirstAdmin, threads: OfThreads) -> Profile:
    """Make the first admin with the token that the server printed when it started."""
    return Profile.of(await threads.auth.call(account.first_admin, body.token, body.username, body.password))


@router.post("/logout", summary="Sign out", status_code=204, responses=failures(401, 403))
async def logout(who: Caller, threads: OfThreads) -> Response:
    """End this session: its tokens are refused everywhere within two seconds."""
    await threads.registry(account.sign_out, who)
    return Response(status_code=204)


@router.post("/logout-all", summary="Sign out everywhere", responses=failures(401, 403))
async def logout_all(who: Caller, threads: OfThreads) -> Ended:
    """End all of the caller's sessions."""
    return Ended(sessions=await threads.registry(account.sign_out_everywhere, who))


@router.get("/me", summary="Who am I?", responses=failures(401, 403))
async def me(who: Caller, threads: OfThreads) -> Profile:
    """The caller's account."""
    return Profile.of(await threads.registry(account.profile, who))


@router.post("/validate", summary="Is this token valid?", responses=failures(401, 403))
async def validate(who: Caller) -> ClaimsAnswer:
    """What the bearer token says, if it is valid."""
    return ClaimsAnswer.of(who)


@router.post(
    "/password",
    summary="Change the password",
    status_code=204,
    dependencies=READS_JSON,
    responses=failures(401, 403, 409, 415),
)
async def password(who: Caller, body: PasswordChange, threads: OfThreads, client: From) -> Response:
    """Set a new password and end the caller's other sessions. A wrong current password counts as a failed sign-in."""
    await threads.auth.call(account.change_password, who, body.current_password, body.new_password, client)
    return Response(status_code=204)


@router.get("/sessions", summary="Where am I signed in?", responses=failures(401, 403))
async def list_sessions(who: Caller, asked: Annotated[SessionsAsked, Query()], threads: OfThreads) -> SessionList:
    """The caller's sessions a page at a time, newest first unless told otherwise."""
    found = await threads.registry(account.own_sessions, who, sort=asked.sort, limit=asked.limit, cursor=asked.cursor)
    items = [SessionAnswer.of(opened, who.claims.sid) for opened in found.items]
    return SessionList(items=items, next_cursor=found.next_cursor)


@router.delete("/sessions/{sid}", summary="End a session", status_code=204, responses=failures(401, 403, 404))
async def end_session(who: Caller, threads: OfThreads, sid: SID) -> Response:
    """End one of the caller's sessions."""
    await threads.registry(account.sign_out, who, sid)
    return Response(status_code=204)
