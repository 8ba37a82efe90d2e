"""API keys."""

import sqlalchemy as sa
from alembic import op

from registry.columns import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table of API keys."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key_id", sa.String(12), nullable=False),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("endpoint_id", sa.Integer, sa.ForeignKey("endpoints.id", ondelete="CASCADE")),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("key_hash", sa.String, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("last_used", UtcDateTime),
        sa.Column("grace_until", UtcDateTime),
        sa.Column("rotated_from", sa.Integer, sa.ForeignKey("api_keys.id", ondelete="SET NULL")),
        sa.Column("revoked_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("idx_api_key", "api_keys", ["key_id"], unique=True)
    op.create_index("ix_api_keys_key_hash", "api_keys", ["key_hash"], unique=True)
    for column in ("user_id", "endpoint_id", "rotated_from"):
        op.create_index(f"ix_api_keys_{column}", "api_keys", [column])
