"""What running servers must hear of: a table that triggers fill."""

import sqlalchemy as sa
from alembic import op

from registry.columns import BigId

revision = "0006"
down_revision = "0005"

KEPT = 100_000
LOCK = "pg_advisory_xact_lock(hashtext('modelport:writers'))"
# Counters and times of use are left out on purpose: they move with every request and no server needs to know.
COLUMNS = {
    "endpoints": ("name", "path", "model_id", "bento", "import_path", "status", "rate_limit"),
    "api_keys": (
        *("key_id", "user_id", "endpoint_id", "name", "key_hash", "is_active"),
        *("created_at", "expires_at", "grace_until", "rotated_from", "revoked_at"),
    ),
    "users": ("role", "is_active"),
}


def upgrade() -> None:
    """Add the table of changes and the triggers that fill and prune it."""
    op.create_table(
        "changes",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("table_name", sa.String, nullable=False),
        sa.Column("row_id", BigId, nullable=False),
        sqlite_autoincrement=True,
    )
    postgres = op.get_bind().dialect.name == "postgresql"
    if postgres:
        _add_functions()
    else:
        _prune_on_sqlite()
    for table, columns in COLUMNS.items():
        for event in ("INSERT", "DELETE", f"UPDATE OF {', '.join(columns)}"):
            (_watch_on_postgres if postgres else _watch_on_sqlite)(table, event)


def _prune_on_sqlite() -> None:
    op.execute(
        "CREATE TRIGGER changes_prune AFTER INSERT ON changes "
        f"BEGIN DELETE FROM changes WHERE id <= NEW.id - {KEPT}; END"
    )


def _watch_on_sqlite(table: str, event: str) -> None:
    verb = event.split()[0]
    row = "OLD" if verb == "DELETE" else "NEW"
    op.execute(
        f"CREATE TRIGGER {table}_on_{verb.lower()} AFTER {event} ON {table} "
        f"BEGIN INSERT INTO changes (table_name, row_id) VALUES ('{table}', {row}.id); END"
    )


def _add_functions() -> None:
    # The lock makes ids appear in order; it is taken before any row is locked, lest two writers wait for each other.
    op.execute(
        "CREATE FUNCTION changes_lock() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN PERFORM {LOCK}; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE FUNCTION changes_note() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE noted bigint; BEGIN "
        "INSERT INTO changes (table_name, row_id) VALUES (TG_TABLE_NAME, COALESCE(NEW.id, OLD.id)) "
        "RETURNING id INTO noted; "
        f"DELETE FROM changes WHERE id <= noted - {KEPT}; RETURN NULL; END $$"
    )


def _watch_on_postgres(table: str, event: str) -> None:
    verb = event.split()[0].lower()
    op.execute(
        f"CREATE TRIGGER {table}_before_{verb} BEFORE {event} ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION changes_lock()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_on_{verb} AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION changes_note()"
    )
