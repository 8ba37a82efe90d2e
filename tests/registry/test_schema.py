import re
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlmodel import SQLModel

from registry import (
    bootstrap,
    changes,
    database,
    export_jobs,
    idempotency,
    login_attempts,
    predictions,
    sessions,
    traffic,
)
from registry.database import MIGRATIONS
from registry.failures import plainly
from registry.schema import HEAD
from registry.settings import settings

FILLED = """
INSERT INTO users (id, username, role, is_active, created_at, prediction_count)
    VALUES (7, 'ada', 'user', true, '2026-11-01 12:00:00', 3);
INSERT INTO models (id, name, version, framework, sha256, source_sha256, tag, runtime, signature, size_bytes, report,
    created_at) VALUES (5, 'churn', 1, 'onnx', 'a', 'b', 'churn:a', 'onnx', '{}', 1, '{}', '2026-11-01 12:00:00');
INSERT INTO endpoints (id, name, path, model_id, bento, status, created_at, total_requests)
    VALUES (4, 'churn', '/api/predict/churn', 5, 'churn:1', 'active', '2026-11-01 12:00:00', 2);
INSERT INTO api_keys (id, key_id, key_hash, name, user_id, endpoint_id, is_active, created_at)
    VALUES (9, 'k', 'h', 'k', 7, 4, true, '2026-11-01 12:00:00');
INSERT INTO api_requests (id, request_id, endpoint_id, api_key_id, method, route, response_time, status_code, timestamp)
    VALUES (1, 'one', 4, 9, 'POST', '/api/predict/churn', 0.5, 200, '2026-11-02 12:00:00'),
    (2, 'two', 4, NULL, 'POST', '/api/predict/churn', 0.5, 401, '2026-11-02 12:00:00')
"""


def triggers(connection: Connection) -> set[tuple[str, str]]:
    """What tells the workers of changes: triggers by table."""
    sqlite = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    postgres = "SELECT event_object_table, trigger_name FROM information_schema.triggers"
    asked = connection.exec_driver_sql(sqlite if connection.dialect.name == "sqlite" else postgres)
    return {(row[0], row[1]) for row in asked}


def test_a_registry_of_the_last_release_is_upgraded_with_all_that_is_in_it(empty: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    settings().home.mkdir(parents=True, exist_ok=True)
    with plainly(settings().url), database.engine().begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        for statement in FILLED.split(";"):
            connection.exec_driver_sql(statement)
        before = triggers(connection)
    database.upgrade()

    with database.engine().connect() as connection:
        requests = connection.exec_driver_sql(
            "SELECT request_id, endpoint_id, api_key_id, user_id FROM api_requests ORDER BY id"
        )
        assert [tuple(row) for row in requests] == [("one", 4, 9, 7), ("two", 4, None, None)]
        kept = connection.exec_driver_sql(
            "SELECT key_id, username, models.name, total_requests FROM api_keys JOIN users ON users.id = user_id"
            " JOIN endpoints ON endpoints.id = endpoint_id JOIN models ON models.id = model_id"
        )
        assert [tuple(row) for row in kept] == [("k", "ada", "churn", 2)]
        assert before and before <= triggers(connection)
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata) == []


def test_the_migrations_make_the_tables_that_the_code_declares(store: str) -> None:
    declared = (
        traffic.ApiRequest,
        predictions.Prediction,
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
