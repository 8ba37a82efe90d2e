import re
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from registry import bootstrap, changes, database, export_jobs, idempotency, login_attempts, sessions, traffic
from registry.database import MIGRATIONS
from registry.schema import HEAD


def test_the_migrations_make_the_tables_that_the_code_declares(store: str) -> None:
    declared = (
        traffic.ApiRequest,
        changes.ChangeRow,
        idempotency.IdempotencyRecord,
        login_attempts.LoginAttempt,
        bootstrap.BootstrapToken,
        sessions.UserSession,
        sessions.RefreshToken,
        export_jobs.ExportJob,
    )
    assert {table.__tablename__ for table in declared} <= set(SQLModel.metadata.tables)
    with database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found: list[Any] = compare_metadata(context, SQLModel.metadata)
    assert found == []


def test_the_code_knows_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == HEAD
    # Revisions are compared as text: newer must sort after older.
    assert all(re.fullmatch(r"\d{4}", script.revision) for script in scripts.walk_revisions())
