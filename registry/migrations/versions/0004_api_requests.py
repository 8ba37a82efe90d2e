"""The request log."""

import sqlalchemy as sa
from alembic import op

from registry.columns import BigId, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table of answered requests."""
    op.create_table(
        "api_requests",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("endpoint_id", sa.Integer, sa.ForeignKey("endpoints.id", ondelete="CASCADE")),
        sa.Column("api_key_id", sa.Integer, sa.ForeignKey("api_keys.id", ondelete="SET NULL")),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("request_data", sa.Text),
        sa.Column("response_data", sa.Text),
        sa.Column("response_time", sa.Float, nullable=False),
        sa.Column("status_code", sa.Integer, nullable=False),
        sa.Column("error_message", sa.String),
        sa.Column("cpu_usage", sa.Float),
        sa.Column("memory_usage", sa.Float),
        sa.Column("timestamp", UtcDateTime, nullable=False),
    )
    op.create_index("idx_api_requests_timestamp", "api_requests", ["endpoint_id", "timestamp"])
    op.create_index("ix_api_requests_request_id", "api_requests", ["request_id"], unique=True)
    op.create_index("ix_api_requests_api_key_id", "api_requests", ["api_key_id"])
