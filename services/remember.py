"""What a hand-written service says of its predictions, so that they can be looked up later.

    id = remember(category="cat", confidence=0.97, probabilities=chances, filename=file.name, image=file.data)

It costs no I/O: the row goes behind the answer into the registry, with the request's own row, and only if the request is
answered without an error. Say it before the answer is given.
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Literal

from registry import images
from registry.settings import settings
from services.naming import shown
from services.request import Remembered, current, request_uuid

_LONGEST = 500  # characters of a category or an error


def remember(
    *,
    category: str | None = None,
    confidence: float | None = None,
    probabilities: Mapping[str, float] | None = None,
    filename: str | None = None,
    processing_time: float | None = None,
    status: Literal["success", "error"] | None = None,
    error: str | None = None,
    image: bytes | None = None,
) -> str:
    """Note a prediction of the request that is being answered; its id. Outside of a request nothing is noted.

    `processing_time` is in seconds. Without a `status`, one with an `error` has failed. `image` is kept only where the
    operator has turned that on; a megabyte of it then takes a millisecond, so that a large one belongs into a thread.
    """
    id, context = request_uuid(), current()
    if context is None:
        return id
    is_kept = image is not None and settings().keep_images
    row = (
        id,
        None if filename is None else shown(filename, "image"),
        _text(category),
        _number(confidence),
        None if probabilities is None else json.dumps({str(k): _number(v) for k, v in probabilities.items()}),
        _number(processing_time),
        status or ("success" if error is None else "error"),
        _text(error),
        images.digest(image) if image is not None and is_kept else None,
    )
    context.remembered.append(Remembered(row, image if is_kept else None))
    return id


def _text(given: str | None) -> str | None:
    """Text as both databases take it: a row that can't be written would hold up all that come after it."""
    return None if given is None else str(given)[:_LONGEST].encode("utf-8", "replace").decode().replace("\x00", "")


def _number(given: float | None) -> float | None:
    """A plain number, whatever library it is from; none for NaN and infinity, which no answer can hold."""
    return float(given) if given is not None and isfinite(given) else None
