"""Who was signed in when a request was made, and what its client calls it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add both columns, and an index of the rows that have them: most have neither."""
    with op.batch_alter_table("api_requests") as table:  # SQLite takes a foreign key only with the table made anew
        table.add_column(sa.Column("client_request_id", sa.String))
        table.add_column(sa.Column("user_id", sa.Integer))
        table.create_foreign_key("fk_api_requests_user_id", "users", ["user_id"], ["id"], ondelete="SET NULL")
    for name in ("user_id", "client_request_id"):
        given = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_api_requests_{name}", "api_requests", [name], sqlite_where=given, postgresql_where=given)
