"""What was asked and answered: the request log. `registry.sidecar` writes it, in batches behind the answers."""

from datetime import datetime

from sqlalchemy import Index, Text, or_, text
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from registry.accounts import ApiKey, User
from registry.catalog import Endpoint
from registry.columns import BigId, UtcDateTime
from registry.predictions import Prediction

_NAMED = text("client_request_id IS NOT NULL")


class ApiRequest(SQLModel, table=True):
    """One answered request."""

    __tablename__ = "api_requests"
    __table_args__ = (
        Index("idx_api_requests_timestamp", "endpoint_id", "timestamp"),
        Index("idx_api_requests_api_key", "api_key_id", "timestamp"),
        Index("idx_api_requests_user", "user_id", "timestamp"),
        # Most requests bear no id of the client's.
        Index("ix_api_requests_client_request_id", "client_request_id", sqlite_where=_NAMED, postgresql_where=_NAMED),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    request_id: str = Field(unique=True, index=True)
    endpoint_id: int | None = Field(default=None, foreign_key="endpoints.id", ondelete="CASCADE")
    client_request_id: str | None = Field(default=None, description="What the client calls the request, if it does.")
    api_key_id: int | None = Field(default=None, foreign_key="api_keys.id", ondelete="SET NULL")
    user_id: int | None = Field(
        default=None, foreign_key="users.id", ondelete="SET NULL", description="Who was signed in, or holds the key."
    )
    method: str
    route: str
    request_data: str | None = Field(default=None, sa_type=Text)
    response_data: str | None = Field(default=None, sa_type=Text)
    response_time: float = Field(description="Seconds.")
    status_code: int
    error_message: str | None = None
    cpu_usage: float | None = Field(default=None, description="Percent.")
    memory_usage: float | None = Field(default=None, description="Megabytes.")
    timestamp: datetime = Field(sa_type=UtcDateTime, index=True)


def select_predictions(
    *,
    user: User | None = None,
    endpoint: str | None = None,
    key_id: str | None = None,
    status: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    request_id: str | None = None,
    category: str | None = None,
) -> SelectOfScalar[ApiRequest]:
    """A statement for the predictions in the log: made by the user or with their keys, with that key, by that endpoint.

    `status` is the first digit of the answers' status; `since` is within, `until` without; `category` is that of any
    prediction that is stored of the request.
    """
    chosen = select(ApiRequest).where(col(ApiRequest.endpoint_id).is_not(None))
    if user is not None:
        chosen = chosen.where(col(ApiRequest.user_id) == user.id)
    if endpoint is not None:
        of_that_name = select(Endpoint.id).where(Endpoint.name == endpoint).scalar_subquery()
        chosen = chosen.where(col(ApiRequest.endpoint_id) == of_that_name)
    if key_id is not None:
        with_that_id = select(ApiKey.id).where(ApiKey.key_id == key_id).scalar_subquery()
        chosen = chosen.where(col(ApiRequest.api_key_id) == with_that_id)
    if status is not None:
        chosen = chosen.where(col(ApiRequest.status_code).between(status * 100, status * 100 + 99))
    if since is not None:
        chosen = chosen.where(col(ApiRequest.timestamp) >= since)
    if until is not None:
        chosen = chosen.where(col(ApiRequest.timestamp) < until)
    if request_id is not None:
        names = col(ApiRequest.request_id), col(ApiRequest.client_request_id)
        chosen = chosen.where(or_(*(name == request_id for name in names)))
    if category is not None:
        of_request = col(Prediction.request_id) == col(ApiRequest.request_id)
        chosen = chosen.where(
            select(Prediction.id).where(of_request, Prediction.predicted_category == category).exists()
        )
    return chosen
