"""The folder of one export under way: whatever fails, or is killed, leaves nothing behind.

Everything is made in that folder, a BentoML home of its own included; only what has passed every check is moved into
BentoML's stores.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex

from sqlmodel import col, select

from registry.catalog import Endpoint, Model
from registry.database import reading
from registry.errors import ExportError
from registry.settings import settings
from services.packaging import stores
from services.packaging.change import Change
from services.packaging.source import stage_folder


class Staging(Change):
    """One change of what the stores hold under an endpoint's name; it claims tags."""

    parts = ("model", "sample", "tmp", "bentoml/bentos")

    def __init__(self, name: str, wait: bool = True) -> None:
        """Changes of one name wait for each other, or without `wait` are refused meanwhile."""
        super().__init__(name, wait)
        self.name, self.version = name, f"v{token_hex(4)}"

    def add(self, path: Path, is_folder: bool) -> str:
        """Copy the model there, a file, a SavedModel or a service: what is hashed is what is loaded and served."""
        target, models = self.folder / "model", self.folder / "bentoml" / "models"
        if is_folder:
            models.symlink_to(stores.home() / "models")  # a service names the models that its training saved there
            _copy(path, target)
            return ""
        models.mkdir()
        name = path.resolve().name
        _copy(path, target / name)
        return name

    def add_sample(self, path: Path) -> Path:
        """Copy the sample there too; where it is now."""
        copied = self.folder / "sample" / path.name
        _copy(path, copied)
        return copied

    def publish(self, tag: str) -> None:
        """Move what was built into BentoML's stores; it stays if the registry names it when the block ends."""
        self.claim([tag])
        stores.publish(self.folder / "bentoml", tag)

    @classmethod
    def root(cls) -> Path:
        """Apart from the stores."""
        return settings().home / "exports"

    @classmethod
    def agree(cls, names: Sequence[str]) -> None:
        """Make the stores agree with the registry over these tags."""
        with reading() as session:
            current = set(session.exec(select(Endpoint.bento).where(col(Endpoint.bento).in_(names))))
            kept = current | set(session.exec(select(Model.tag).where(col(Model.tag).in_(names))))
        for tag in names:
            if tag not in kept:
                stores.remove(tag)
        for tag in current:
            stores.make_latest(tag)


def _copy(source: Path, target: Path) -> None:
    try:
        if source.is_dir():
            stage_folder(source, target)
        else:
            shutil.copyfile(source, target)
    except shutil.Error as error:
        raise ExportError(f"{source}: {error.args[0][0][2]}") from None
    except OSError as error:
        raise ExportError(f"{error.filename or source}: {error.strerror or error}") from None
