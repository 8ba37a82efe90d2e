import subprocess
import sys

import pytest

from registry import errors
from registry.errors import PlatformError


def _children() -> list[type[PlatformError]]:
    return PlatformError.__subclasses__()


@pytest.mark.parametrize("error", _children())
def test_the_tree_in_the_docstring_names_every_error(error: type[PlatformError]) -> None:
    line = f"x {error.__name__} "
    found = [text for text in (errors.__doc__ or "").splitlines() if line in text]
    assert len(found) == 1
    assert error.code in found[0]


def test_codes_are_unique() -> None:
    codes = [error.code for error in _children()]
    assert len(set(codes)) == len(codes)


def test_an_error_carries_what_the_answer_needs() -> None:
    error = errors.RateLimited("Slow down", {"limit": 100}, headers={"Retry-After": "3"})
    assert (error.status, error.code, str(error)) == (429, "RATE_LIMIT_EXCEEDED", "Slow down")
    assert (error.details, error.headers) == ({"limit": 100}, {"Retry-After": "3"})
    assert errors.NotFound("No such model").details == {}


def test_settings_and_errors_cost_no_database_library() -> None:
    code = (
        "import sys, registry.settings, registry.errors; print(sorted({'sqlmodel', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_alembic_is_loaded_by_upgrade_alone() -> None:
    code = "import sys, registry.database, registry.traffic, registry.changes; print('alembic' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
