"""A stored prediction as signed-in people read it: their own, or with `predictions:all` anybody's."""

from typing import Any, NamedTuple

from sqlmodel import Session

from registry import images
from registry.errors import NotFound
from registry.predictions import Prediction, chances_of, names_of
from services.security.bearer import Identity
from services.security.permissions import Permission, allows
from services.signed_in import Own, looking

_KINDS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}


class Image(NamedTuple):
    """An image as its client sent it."""

    data: bytes
    content_type: str
    filename: str


def one_prediction(who: Identity, id: str) -> dict[str, Any]:
    """Everything that is stored of a prediction; NotFound for another's as for none."""
    with looking(who, Permission.PREDICTIONS_OWN) as (opened, own):
        found = _visible(opened, own, id)
        endpoint, user = names_of(opened, found)
        return {
            "id": found.id,
            "request_id": found.request_id,
            "timestamp": found.created_at,
            "endpoint": endpoint,
            "user": user,
            "filename": found.filename,
            "category": found.predicted_category,
            "confidence": found.confidence,
            "probabilities": chances_of(found),
            "processing_time": found.processing_time,
            "status": found.status,
            "error": found.error_message,
            "has_image": found.image_hash is not None and images.is_here(found.image_hash),
        }


def image_of(who: Identity, id: str) -> Image:
    """The image that a prediction was made of; NotFound when none is kept, Unavailable when it can't be read."""
    with looking(who, Permission.PREDICTIONS_OWN) as (opened, own):
        found = _visible(opened, own, id)
        name, filename = found.image_hash, found.filename or "image"
    data = images.read(name) if name is not None else None
    if data is None:
        raise NotFound("No image is kept of this prediction")
    return Image(data, content_type(data), filename)


def content_type(data: bytes) -> str:
    """What an image is, by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for begin, kind in _KINDS.items() if data.startswith(begin)), "application/octet-stream")


def _visible(opened: Session, own: Own, id: str) -> Prediction:
    found = opened.get(Prediction, id)
    if found is None or (found.user_id != own.user.id and not allows(own.user.role, Permission.PREDICTIONS_ALL)):
        raise NotFound("There is no such prediction")
    return found
