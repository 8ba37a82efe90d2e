"""Models and the endpoints that serve them."""

import sqlalchemy as sa
from alembic import op

from registry.columns import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables of models and endpoints."""
    op.create_table(
        "models",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("framework", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("source_sha256", sa.String, nullable=False),
        sa.Column("tag", sa.String),
        sa.Column("runtime", sa.String, nullable=False),
        sa.Column("signature", sa.JSON, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("name", "version", name="uq_models_name_version"),
    )
    op.create_index("ix_models_sha256", "models", ["sha256"])
    op.create_table(
        "endpoints",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id", ondelete="CASCADE"), nullable=False),
        sa.Column("bento", sa.String, nullable=False),
        sa.Column("import_path", sa.String),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("status_reason", sa.String),
        sa.Column("rate_limit", sa.String),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_used_at", UtcDateTime),
        sa.Column("total_requests", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_endpoints_name", "endpoints", ["name"], unique=True)
    op.create_index("ix_endpoints_path", "endpoints", ["path"], unique=True)
    op.create_index("ix_endpoints_model_id", "endpoints", ["model_id"])
