"""What each API key may do; servers hear of it when that changes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

COLUMNS = (
    *("key_id", "user_id", "endpoint_id", "name", "scopes", "key_hash", "is_active"),
    *("created_at", "expires_at", "grace_until", "rotated_from", "revoked_at"),
)


def upgrade() -> None:
    """Add the column, and put it into the triggers that tell of changed keys."""
    op.add_column("api_keys", sa.Column("scopes", sa.String))
    event = f"UPDATE OF {', '.join(COLUMNS)} ON api_keys"
    if op.get_bind().dialect.name == "postgresql":
        _watch_on_postgres(event)
        return
    op.execute("DROP TRIGGER api_keys_on_update")
    op.execute(
        f"CREATE TRIGGER api_keys_on_update AFTER {event} "
        "BEGIN INSERT INTO changes (table_name, row_id) VALUES ('api_keys', NEW.id); END"
    )


def _watch_on_postgres(event: str) -> None:
    for when, scope, function in (("before", "STATEMENT", "changes_lock"), ("on", "ROW", "changes_note")):
        op.execute(f"DROP TRIGGER api_keys_{when}_update ON api_keys")
        op.execute(
            f"CREATE TRIGGER api_keys_{when}_update {'BEFORE' if when == 'before' else 'AFTER'} {event} "
            f"FOR EACH {scope} EXECUTE FUNCTION {function}()"
        )
