"""Requests that name themselves; and the request log's newest rows, of all and of a key, without reading it whole."""

import sqlalchemy as sa
from alembic import op

from registry.columns import BigId, UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table of idempotency records, and the log's indexes by time."""
    op.create_table(
        "idempotency_records",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("request_digest", sa.String, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("seed", sa.String, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("user_id", "route", "key", name="uq_idempotency_records_user_id_route_key"),
    )
    op.create_index("ix_idempotency_records_created_at", "idempotency_records", ["created_at"])
    op.create_index("ix_api_requests_timestamp", "api_requests", ["timestamp"])
    op.create_index("idx_api_requests_api_key", "api_requests", ["api_key_id", "timestamp"])
    op.drop_index("ix_api_requests_api_key_id", "api_requests")  # the one before begins with the same column
