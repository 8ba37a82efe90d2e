"""A chain of audit entries: made, verified, and changed behind the platform's back."""

from registry import audit, database, trail
from registry.audit import Action

UNPROTECT = {
    "sqlite": [f"DROP TRIGGER audit_{name}" for name in ("entries_no_update", "entries_no_delete", "head_no_delete")],
    "postgres": ["DROP TRIGGER audit_entries_no_change ON audit_entries", "DROP TRIGGER audit_head_no_delete ON audit_head"],
}  # fmt: skip


def append(count: int) -> None:
    """Add that many entries."""
    with database.session() as session:
        for number in range(1, count + 1):
            detail = {"reason": "née \N{SNOWMAN}", "number": number}
            audit.record(session, actor="user:ada", action=Action.STATUS_CHANGED, target="endpoint:x", detail=detail)


def problems_found() -> list[str]:
    """Say what is wrong with the chain."""
    with database.reading() as session:
        return [str(problem) for problem in trail.verify(session)]


def tamper(chain: str, statements: list[str]) -> None:
    """Take the protection away, then run the statements."""
    with database.engine().begin() as connection:
        for statement in [*UNPROTECT[chain], *statements]:
            connection.exec_driver_sql(statement)
