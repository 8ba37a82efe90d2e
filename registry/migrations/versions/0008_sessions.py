"""Sessions of signed-in users, and the refresh tokens that keep them alive."""

import sqlalchemy as sa
from alembic import op

from registry.columns import BigId, UtcDateTime

revision = "0008"
down_revision = "0007"

# Not last_used: it moves with every refresh and no server needs to know.
WATCHED = ("INSERT", "DELETE", "UPDATE OF sid, user_id, expires_at, revoked_at")


def upgrade() -> None:
    """Add the tables of sessions and refresh tokens, and the triggers that tell servers of sessions."""
    op.create_table(
        "user_sessions",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("sid", sa.String(22), nullable=False),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_used", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("revoked_at", UtcDateTime),
        sa.Column("ip_address", sa.String, nullable=False),
        sa.Column("user_agent", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_user_sessions_sid", "user_sessions", ["sid"], unique=True)
    op.create_index("ix_user_sessions_user_id", "user_sessions", ["user_id"])
    op.create_table(
        "refresh_tokens",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("session_id", BigId, sa.ForeignKey("user_sessions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("token_hash", sa.String, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("session_id", "generation", name="uq_refresh_tokens_session_id_generation"),
    )
    op.create_index("ix_refresh_tokens_token_hash", "refresh_tokens", ["token_hash"], unique=True)
    watch = _watch_on_postgres if op.get_bind().dialect.name == "postgresql" else _watch_on_sqlite
    for event in WATCHED:
        watch(event)


def _watch_on_sqlite(event: str) -> None:
    verb = event.split()[0]
    row = "OLD" if verb == "DELETE" else "NEW"
    op.execute(
        f"CREATE TRIGGER user_sessions_on_{verb.lower()} AFTER {event} ON user_sessions "
        f"BEGIN INSERT INTO changes (table_name, row_id) VALUES ('user_sessions', {row}.id); END"
    )


def _watch_on_postgres(event: str) -> None:
    """With the functions of 0006: the lock before any row is locked, the note after."""
    verb = event.split()[0].lower()
    op.execute(
        f"CREATE TRIGGER user_sessions_before_{verb} BEFORE {event} ON user_sessions "
        "FOR EACH STATEMENT EXECUTE FUNCTION changes_lock()"
    )
    op.execute(
        f"CREATE TRIGGER user_sessions_on_{verb} AFTER {event} ON user_sessions "
        "FOR EACH ROW EXECUTE FUNCTION changes_note()"
    )
