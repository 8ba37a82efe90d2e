"""Runs the migrations on the connection, and in the transaction, that registry.database opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
