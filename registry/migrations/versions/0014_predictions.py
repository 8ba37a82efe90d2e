"""What is remembered of single predictions."""

import sqlalchemy as sa
from alembic import op

from registry.columns import UtcDateTime

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the table, with an index for each way in which it is read."""
    op.create_table(
        "predictions",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="SET NULL")),
        sa.Column("endpoint_id", sa.Integer, sa.ForeignKey("endpoints.id", ondelete="CASCADE")),
        sa.Column("filename", sa.String),
        sa.Column("image_hash", sa.String),
        sa.Column("predicted_category", sa.String),
        sa.Column("confidence", sa.Float),
        sa.Column("probabilities", sa.Text),
        sa.Column("processing_time", sa.Float),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("error_message", sa.Text),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )
    kept = sa.text("image_hash IS NOT NULL")
    op.create_index("ix_predictions_request_id", "predictions", ["request_id"])
    op.create_index("idx_predictions_user", "predictions", ["user_id", "created_at"])
    op.create_index("idx_predictions_endpoint", "predictions", ["endpoint_id", "created_at"])
    op.create_index("idx_predictions_image", "predictions", ["created_at"], sqlite_where=kept, postgresql_where=kept)
