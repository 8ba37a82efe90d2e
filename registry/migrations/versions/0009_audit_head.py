"""The audit chain's head: what shows that its newest entries were cut off."""

import sqlalchemy as sa
from alembic import op

from registry import audit
from registry.columns import BigId

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the head of the chain as it stands, and the triggers that keep it."""
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entries", BigId, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("seal", sa.String, nullable=False),
        sa.CheckConstraint(f"id = {audit.HEAD_ID}", name="ck_audit_head_one_row"),
    )
    last = op.get_bind().execute(sa.text("SELECT seq, hash FROM audit_entries ORDER BY seq DESC LIMIT 1")).first()
    entries, last_hash = last if last is not None else (0, "")
    row = {"id": audit.HEAD_ID, "entries": entries, "hash": last_hash, "seal": audit.seal(entries, last_hash)}
    op.bulk_insert(head, [row])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER audit_head_no_delete BEFORE DELETE OR TRUNCATE ON audit_head "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_refuse()"
        )
    else:
        op.execute(
            "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
            "BEGIN SELECT RAISE(ABORT, 'audit entries are kept as they are'); END"
        )
