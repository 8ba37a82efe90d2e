"""Machines to export on, and a command that refuses in this process."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.terminal import Command, in_this_process
from tests.services.exporting.place import Place
from tests.services.exporting.samples import iris


class Shop(NamedTuple):
    """A machine with one endpoint, and what `export` said when it made it."""

    place: Place
    model: Path
    said: dict[str, object]
    told: str

    def copy(self, folder: Path) -> "Shop":
        """The same machine elsewhere, for whoever changes it."""
        place = Place(folder)
        shutil.copytree(self.place.folder, folder, dirs_exist_ok=True)
        return Shop(place, folder / self.model.name, self.said, self.told)

    @property
    def key(self) -> str:
        """The endpoint's first key."""
        return str(self.said["api_key"])


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A machine whose `iris` endpoint was exported from a file with a sample; tests of many files share it as it is."""
    place = Place(tmp_path_factory.mktemp("shop"))
    model = iris(place.folder)
    (place.folder / ".env").write_text("MODELPORT_CORS_ORIGINS=https://marker-of-the-env-file.example\n")
    done = place.run(
        "export", model, "--sample", "rows.csv", "--rate-limit", "7 per 2 minutes", "--allow-pickle", "-o", "json"
    )
    return Shop(place, model, done.json(), done.err)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty machine."""
    return Place(tmp_path / "machine")


@pytest.fixture
def modelport(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """The command in this process, on stores of its own; the processes it starts are real."""
    monkeypatch.setenv("BENTOML_HOME", str(home.with_name("bentoml")))
    yield in_this_process(monkeypatch, capsys)
    leftovers = [path for path in home.rglob("*") if "exports" in path.parts and path.name != "exports"]
    assert leftovers == []
