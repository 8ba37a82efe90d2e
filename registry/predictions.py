"""What is remembered of single predictions, where a service says so: `registry.sidecar` writes it with the request."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text, text, update
from sqlmodel import Field, Session, SQLModel, col, select

from registry.accounts import User
from registry.catalog import Endpoint
from registry.columns import UtcDateTime

_WITH_IMAGE = text("image_hash IS NOT NULL")


class Prediction(SQLModel, table=True):
    """One prediction of an answered request; a request may have many."""

    __tablename__ = "predictions"
    __table_args__ = (
        Index("idx_predictions_user", "user_id", "created_at"),
        Index("idx_predictions_endpoint", "endpoint_id", "created_at"),
        Index("idx_predictions_image", "created_at", sqlite_where=_WITH_IMAGE, postgresql_where=_WITH_IMAGE),
    )

    id: str = Field(primary_key=True, description="A UUIDv7 as 32 hexadecimal digits.")
    request_id: str = Field(index=True, description="That of the request in the log.")
    position: int = Field(description="Which one of the request's predictions it is, from 0.")
    user_id: int | None = Field(default=None, foreign_key="users.id", ondelete="SET NULL")
    endpoint_id: int | None = Field(default=None, foreign_key="endpoints.id", ondelete="CASCADE")
    filename: str | None = Field(default=None, description="The client's name of the image, as it may be shown.")
    image_hash: str | None = Field(default=None, description="Where the image is kept, if it is: a keyed hash.")
    predicted_category: str | None = None
    confidence: float | None = None
    probabilities: str | None = Field(default=None, sa_type=Text, description="A JSON object: category to share.")
    processing_time: float | None = Field(default=None, description="Seconds.")
    status: str = Field(description="`success`, or `error`.")
    error_message: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)


def chances_of(prediction: Prediction) -> dict[str, float] | None:
    """The probabilities by category."""
    given = prediction.probabilities
    chances: dict[str, float] | None = None if given is None else json.loads(given)
    return chances


def names_of(session: Session, prediction: Prediction) -> tuple[str | None, str | None]:
    """What its endpoint and its user are called, as far as they are still there."""
    endpoint = session.get(Endpoint, prediction.endpoint_id) if prediction.endpoint_id is not None else None
    user = session.get(User, prediction.user_id) if prediction.user_id is not None else None
    return endpoint.name if endpoint is not None else None, user.username if user is not None else None


def results_of(session: Session, requests: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The predictions of each of these requests in short, in their order; a request without any isn't in it."""
    chosen = select(Prediction).where(col(Prediction.request_id).in_(list(requests)))
    found: dict[str, list[dict[str, Any]]] = {}
    for one in session.exec(chosen.order_by(col(Prediction.position))):
        result = {"id": one.id, "category": one.predicted_category, "confidence": one.confidence}
        found.setdefault(one.request_id, []).append(result)
    return found


def forget_images(session: Session, before: datetime) -> None:
    """Take the image's hash from the predictions made before then; all else of them stays."""
    with_image = col(Prediction.image_hash).is_not(None)
    session.exec(update(Prediction).where(with_image, col(Prediction.created_at) < before).values(image_hash=None))
