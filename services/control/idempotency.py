"""`Idempotency-Key`: a client's name for a request, so that it can be sent again when its answer got lost.

After draft-ietf-httpapi-idempotency-key-header-07; `registry.idempotency` does the work.
"""

from typing import Annotated

from fastapi import Depends, Header, Request, Response
from pydantic_core import to_json

from registry.errors import InvalidInput
from registry.idempotency import Answer, Asked, digest
from services.request import context_of

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}

_Name = Annotated[
    str | None,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=128,
        pattern=r"^[ -~]+$",
        description="A new random name for each request, such as a UUID. The same name and request within 24 hours "
        "get the same answer again, with `Idempotency-Replayed: true`, and change nothing.",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]


async def _asked(request: Request, idempotency_key: _Name = None) -> Asked | None:
    if idempotency_key is None:
        return None
    if len(request.headers.getlist(HEADER)) > 1:
        raise InvalidInput(f"{HEADER} was sent more than once.")
    route = f"{request.method} {context_of(request.scope).route}"
    return Asked(route, idempotency_key, digest(request.url.path, await request.body()))


Once = Annotated[Asked | None, Depends(_asked)]


def answered(answer: Answer, **secret: str) -> Response:
    """A change's answer with the secret that was made with it: the same bytes the first time and again."""
    body = to_json(answer.body | secret)
    headers = REPLAYED if answer.replayed else None
    return Response(body, answer.status, headers, media_type="application/json")
