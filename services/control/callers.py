"""What the control plane's routes ask of a request: who calls, from where, permitted to what; and where the work is done."""

from typing import Annotated, Any

from fastapi import Depends, Request

from registry.errors import Unauthenticated
from services.control.threads import Threads
from services.middleware.predictions import check_json
from services.request import context_of
from services.security.bearer import Identity
from services.security.permissions import Permission, require
from services.security.tokens import AccessTokens
from services.sign_in import Client


async def _threads(request: Request) -> Threads:
    found: Threads = request.app.state.threads
    return found


async def _tokens(request: Request) -> AccessTokens:
    found: AccessTokens = request.app.state.tokens
    return found


async def _client(request: Request) -> Client:
    address = request.client.host if request.client is not None else "unknown"
    return Client(address, request.headers.get("user-agent", ""))


async def _caller(request: Request) -> Identity:
    """Whom the layers let in; they let nobody else come here, and this fails closed should they ever."""
    who = context_of(request.scope).identity
    if who is None:
        raise Unauthenticated("Sign in first.", headers={"WWW-Authenticate": "Bearer"})
    return who


async def _json_alone(request: Request) -> None:
    incoming = context_of(request.scope).incoming
    check_json(incoming.get(b"content-type"), incoming.get(b"content-encoding"))


OfThreads = Annotated[Threads, Depends(_threads)]
OfTokens = Annotated[AccessTokens, Depends(_tokens)]
From = Annotated[Client, Depends(_client)]
Caller = Annotated[Identity, Depends(_caller)]
READS_JSON = [Depends(_json_alone)]
NO_CREDENTIALS: dict[str, Any] = {"security": []}


def permitted(permission: Permission) -> Any:
    """A dependency: the caller, whose role permits that; Forbidden (403) for any other.

    It reads the worker's memory. What changes something asks the registry again, in the transaction that makes the
    change: `services.signed_in`.
    """

    async def caller(who: Caller) -> Identity:
        require(who.user.role, permission)
        return who

    return Depends(caller)
