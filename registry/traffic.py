"""What was asked and answered: the request log. `registry.sidecar` writes it, in batches behind the answers."""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from registry.columns import BigId, UtcDateTime


class ApiRequest(SQLModel, table=True):
    """One answered request."""

    __tablename__ = "api_requests"
    __table_args__ = (
        Index("idx_api_requests_timestamp", "endpoint_id", "timestamp"),
        # Most requests are made by keys and bear no id of the client's.
        *(
            Index(f"ix_api_requests_{name}", name, sqlite_where=text(given), postgresql_where=text(given))
            for name, given in (
                ("user_id", "user_id IS NOT NULL"),
                ("client_request_id", "client_request_id IS NOT NULL"),
            )
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    request_id: str = Field(unique=True, index=True)
    endpoint_id: int | None = Field(default=None, foreign_key="endpoints.id", ondelete="CASCADE")
    client_request_id: str | None = Field(default=None, description="What the client calls the request, if it does.")
    api_key_id: int | None = Field(default=None, foreign_key="api_keys.id", ondelete="SET NULL", index=True)
    user_id: int | None = Field(
        default=None, foreign_key="users.id", ondelete="SET NULL", description="Who was signed in; None for a key."
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
    timestamp: datetime = Field(sa_type=UtcDateTime)
