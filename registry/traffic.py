"""What was asked and answered: the request log. `registry.sidecar` writes it, in batches behind the answers."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from registry.columns import BigId, UtcDateTime


class ApiRequest(SQLModel, table=True):
    """One answered request."""

    __tablename__ = "api_requests"
    __table_args__ = (
        Index("idx_api_requests_timestamp", "endpoint_id", "timestamp"),
        Index("idx_api_requests_api_key", "api_key_id", "timestamp"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    request_id: str = Field(unique=True, index=True)
    endpoint_id: int | None = Field(default=None, foreign_key="endpoints.id", ondelete="CASCADE")
    api_key_id: int | None = Field(default=None, foreign_key="api_keys.id", ondelete="SET NULL")
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
