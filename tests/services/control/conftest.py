"""The hub of the middleware's tests, with room for more sign-ins than one address may otherwise try."""

from pathlib import Path

import pytest

from registry.accounts import Role
from registry.settings import settings
from tests.services.middleware.conftest import Hub
from tests.services.middleware.conftest import hub as hub
from tests.services.middleware.conftest import registry as registry


@pytest.fixture(autouse=True)
def roomy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of sign-ins is tested elsewhere."""
    monkeypatch.setenv("MODELPORT_SIGN_IN_RATE_LIMIT", "100000/minute")
    settings.cache_clear()


@pytest.fixture
def operator(hub: Hub) -> str:
    """The access token of an operator."""
    return hub.new_user("olga", Role.OPERATOR)
