"""The history of the registry's schema; registry.database.upgrade() runs it through Alembic."""
