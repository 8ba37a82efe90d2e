"""docs/seeds.md holds: what it says is here, is here; what it calls planned is not here yet."""

import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import bentoml
import pytest
from sqlmodel import SQLModel

from registry.settings import PREFIX, Settings
from services.middleware.public import PUBLIC
from tests.services.control.walk import addresses
from tests.services.middleware.conftest import Hub
from tests.services.middleware.conftest import hub as hub
from tests.services.middleware.conftest import registry as registry

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "seeds.md"
ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) /\S*")
FILE = re.compile(r"(?!/)\w[\w./-]*/[\w./-]*|[\w-]+\.(py|md|toml|lock|yaml)|benchmarks")
COLUMN = re.compile(r"[a-z_]+\.[a-z_]+")


class Line(NamedTuple):
    """One line of a table: what was asked, where it is, and how or what there is instead."""

    asked: str
    where: str
    how: str

    @property
    def planned(self) -> bool:
        return self.where.startswith("*planned*")


LINES = [
    Line(*(cell.strip() for cell in line.strip("|").split("|")))
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| asked |")
]
PLANNED = {name for line in LINES if line.planned for name in re.findall("`([^`]+)`", line.where)}
HERE = {name for line in LINES if not line.planned for name in re.findall("`([^`]+)`", line.where)}
BESIDE = {name for line in LINES for name in re.findall("`([^`]+)`", line.how)}  # prose has other code as well


@pytest.fixture
def exists(hub: Hub) -> Callable[[str], bool]:
    """Whether a route, a setting, a file or a column is here."""
    routes = {f"{method} {path}" for method, path in addresses(hub)} | {f"GET {path}" for path in PUBLIC}
    routes |= {f"POST {path}" for path in of_bentos()}
    if "POST /api/predict/echo" in routes:  # the hub's endpoint
        routes.add("POST /api/predict/{endpoint}")
    columns = {f"{table.name}.{column.name}" for table in SQLModel.metadata.tables.values() for column in table.columns}
    settings = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return lambda name: name in routes | columns | settings or (bool(FILE.fullmatch(name)) and (ROOT / name).exists())


def of_bentos() -> Iterator[str]:
    """The routes of the worked systems' services."""
    for file in sorted((ROOT / "bentos").glob("*/service.py")):
        module = importlib.import_module(f"bentos.{file.parent.name}.service")
        for service in vars(module).values():
            if isinstance(service, bentoml.Service):
                yield from (method.route for method in service.apis.values())


def can_be_looked_up(name: str) -> bool:
    """Whether it is written as something that is here or is not."""
    return bool(ROUTE.fullmatch(name) or FILE.fullmatch(name) or COLUMN.fullmatch(name) or name.startswith(PREFIX))


def test_every_line_names_what_can_be_looked_up() -> None:
    assert len(LINES) > 150
    assert [line for line in LINES if len(line) != 3 or not re.search("`[^`]+`", line.where)] == []
    assert [name for name in HERE | PLANNED if not can_be_looked_up(name)] == []


def test_what_the_page_says_is_here_is_here(exists: Callable[[str], bool]) -> None:
    named = HERE | {name for name in BESIDE if can_be_looked_up(name)}
    assert sorted(name for name in named if not exists(name)) == []


def test_what_the_page_calls_planned_is_not_here_yet(exists: Callable[[str], bool]) -> None:
    assert sorted(name for name in PLANNED if exists(name)) == []
    assert not PLANNED & HERE
