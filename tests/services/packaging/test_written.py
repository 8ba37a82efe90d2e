"""Whoever asks is asked again in the transaction that writes, and nobody changes that before it ends."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from registry import database
from registry.catalog import Endpoint
from registry.errors import Forbidden
from services import exporting
from services.packaging.asker import Operator
from services.packaging.written import confirm, write_down
from tests.registry.conftest import empty as empty
from tests.registry.conftest import store as store

TAKEN = text("SELECT pg_try_advisory_xact_lock(hashtext('modelport:writers'))")
NOTHING: Any = None


class Doubter(Operator):
    """An asker who may no longer do it, and tells whether anybody else could write meanwhile."""

    alone = False

    def actor(self, session: Session) -> str:
        """Never a name."""
        with database.engine().connect() as another:
            self.alone = not another.scalar(TAKEN)
        raise Forbidden("Not any more")


@pytest.mark.slow
@pytest.mark.parametrize("empty", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    "write",
    [
        lambda asker: exporting.delete("churn", asker),
        lambda asker: confirm(Endpoint(name="churn", path="/", bento="churn:1"), None, asker),
        lambda asker: write_down(NOTHING, NOTHING, "", "", None, asker, None),
    ],
    ids=["delete", "confirm", "write_down"],
)
def test_who_asks_is_looked_up_when_nobody_else_can_write(store: str, write: Callable[[Doubter], object]) -> None:
    asker = Doubter()
    with pytest.raises(Forbidden):
        write(asker)
    assert asker.alone
