"""Users."""

import sqlalchemy as sa
from alembic import op

from registry.columns import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Add the table of users."""
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("username", sa.String, nullable=False),
        sa.Column("email", sa.String),
        sa.Column("password_hash", sa.String),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_login", UtcDateTime),
        sa.Column("prediction_count", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_users_username", "users", ["username"], unique=True)
    op.create_index("ix_users_email", "users", ["email"], unique=True)
