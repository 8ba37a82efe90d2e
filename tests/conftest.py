"""A home of its own for each test that asks for one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry import database
from registry.settings import settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty MODELPORT_HOME, and no other setting from outside: neither variables nor a .env file."""
    for name in list(os.environ):
        if name.upper().startswith("MODELPORT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELPORT_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    database.dispose()
    settings.cache_clear()
