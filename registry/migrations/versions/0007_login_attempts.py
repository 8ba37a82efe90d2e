"""Sign-ins that were tried, and the tokens that make the first admin."""

import sqlalchemy as sa
from alembic import op

from registry.columns import BigId, UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "login_attempts",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("username", sa.String),
        sa.Column("ip_address", sa.String, nullable=False),
        sa.Column("network", sa.String, nullable=False),
        sa.Column("user_agent", sa.String, nullable=False),
        sa.Column("success", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("idx_login_attempts_username", "login_attempts", ["username", "created_at"])
    op.create_index("idx_login_attempts_network", "login_attempts", ["network", "created_at"])
    op.create_index("ix_login_attempts_created_at", "login_attempts", ["created_at"])
    op.create_table(
        "bootstrap_tokens",
        sa.Column("token_hash", sa.String, primary_key=True),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )
