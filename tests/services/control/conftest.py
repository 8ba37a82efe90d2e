"""The hub of the middleware's tests, with room for more sign-ins than one address may otherwise try."""

import shutil
from pathlib import Path

import pytest

from registry import database
from registry.accounts import Role
from registry.settings import settings
from tests.services.middleware.conftest import Hub
from tests.services.middleware.conftest import hub as hub
from tests.services.middleware.conftest import registry as registry


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def empty_home(request: pytest.FixtureRequest, home: Path, empty_registry: Path) -> Path:
    """A home with an empty registry, on SQLite and on Postgres."""
    if request.param == "sqlite":
        shutil.copytree(empty_registry, home)
    else:
        request.getfixturevalue("on_postgres")
        database.upgrade()
    return home


@pytest.fixture(autouse=True)
def roomy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of sign-ins is tested elsewhere."""
    monkeypatch.setenv("MODELPORT_SIGN_IN_RATE_LIMIT", "100000/minute")
    settings.cache_clear()


@pytest.fixture
def operator(hub: Hub) -> str:
    """The access token of an operator."""
    return hub.new_user("olga", Role.OPERATOR)
