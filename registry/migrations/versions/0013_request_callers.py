"""Whose request it was, signed in or by a key, and what its client calls it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add both columns, say of what keys have asked who holds them, and index both."""
    with op.batch_alter_table("api_requests") as table:  # SQLite takes a foreign key only with the table made anew
        table.add_column(sa.Column("client_request_id", sa.String))
        table.add_column(sa.Column("user_id", sa.Integer))
        table.create_foreign_key("fk_api_requests_user_id", "users", ["user_id"], ["id"], ondelete="SET NULL")
    op.execute(
        "UPDATE api_requests SET user_id = (SELECT user_id FROM api_keys WHERE api_keys.id = api_requests.api_key_id)"
        " WHERE api_key_id IS NOT NULL"
    )
    op.create_index("idx_api_requests_user", "api_requests", ["user_id", "timestamp"])
    given = sa.text("client_request_id IS NOT NULL")
    op.create_index(
        "ix_api_requests_client_request_id",
        "api_requests",
        ["client_request_id"],
        sqlite_where=given,
        postgresql_where=given,
    )
