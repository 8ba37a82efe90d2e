"""Models that came by upload, and the exports that were asked for over HTTP."""

import sqlalchemy as sa
from alembic import op

from registry.columns import BigId, UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns of uploaded models and the table of export jobs."""
    op.add_column("models", sa.Column("upload", sa.String))
    op.add_column("models", sa.Column("upload_parts", sa.JSON))
    op.create_index("ix_models_upload", "models", ["upload"])
    op.create_table(
        "export_jobs",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id", ondelete="SET NULL")),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="SET NULL")),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("rate_limit", sa.String),
        sa.Column("compile", sa.Boolean, nullable=False),
        sa.Column("progress", sa.JSON, nullable=False),
        sa.Column("error", sa.String),
        sa.Column("result", sa.JSON),
        sa.Column("key_due", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("started_at", UtcDateTime),
        sa.Column("finished_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_export_jobs_status", "export_jobs", ["status"])
    op.create_index("ix_export_jobs_model_id", "export_jobs", ["model_id"])
    op.create_index("ix_export_jobs_user_id", "export_jobs", ["user_id"])
