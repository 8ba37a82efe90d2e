"""What worker and sidecar say to each other over a socket: one marshalled object a frame, behind its length.

`marshal` is made for one interpreter talking to itself, which this is; it takes a third of what `pickle` does.

The worker opens with an Order and then sends Batches; the sidecar answers each with `("written",)` or
`("failed", reason)`, and says `("changed",)` or `("blind", reason)` whenever it has to.
"""

import marshal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:  # the sidecar needs none of it
    import asyncio

_LENGTH = 4  # bytes

PredictionRow = tuple[  # see PREDICTION_COLUMNS
    str, str | None, str | None, float | None, str | None, float | None, str, str | None, str | None
]
RequestRow = (
    tuple[  # see COLUMNS; what is remembered of its predictions goes with it, so that both are written or neither
        *tuple[str, int | None, int | None, str, str, int, float, float, str | None, int | None, str | None],
        Sequence[PredictionRow],
    ]
)
Order = tuple[str, int]  # the registry's URL, the newest change that the worker knows
Batch = tuple[bool, Sequence[RequestRow]]  # whether some of it may have been written before, the rows

COLUMNS = (
    "request_id",
    "endpoint_id",
    "api_key_id",
    "method",
    "route",
    "status_code",
    "response_time",  # seconds
    "timestamp",  # seconds since the epoch
    "error_message",
    "user_id",  # of a signed-in user; who holds a key is known by the key
    "client_request_id",
)
PREDICTION_COLUMNS = (
    "id",
    "filename",
    "predicted_category",
    "confidence",
    "probabilities",  # a JSON object
    "processing_time",  # seconds
    "status",
    "error_message",
    "image_hash",
)


def frame(content: Any) -> bytes:
    """The bytes of one frame."""
    body = marshal.dumps(content)
    return len(body).to_bytes(_LENGTH) + body


def read(stream: BinaryIO) -> Any:
    """The next frame's content; EOFError when there is none."""
    head = stream.read(_LENGTH)
    body = stream.read(int.from_bytes(head)) if len(head) == _LENGTH else b""
    if not body:
        raise EOFError
    return marshal.loads(body)  # noqa: S302  from our own worker


async def receive(reader: "asyncio.StreamReader") -> Any:
    """The same on an event loop; asyncio.IncompleteReadError when there is none."""
    head = await reader.readexactly(_LENGTH)
    return marshal.loads(await reader.readexactly(int.from_bytes(head)))  # noqa: S302  from our own sidecar
