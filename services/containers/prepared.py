"""A Bento as it goes into an image: a copy, on the base that was asked for, which every user can read.

A container that shares the registry's folder runs as that folder's owner, whoever that is, not as the image's own user.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from registry.errors import ExportError
from services.packaging import stores

_ENTER_HOME = "chmod a+rx /home/bentoml"  # distributions differ over who may enter a new user's home


@contextmanager
def prepared(bento: str, base: str | None) -> Iterator[Path]:
    """A BentoML home for a while, with that Bento and its models; ExportError when the stores don't have them."""
    with TemporaryDirectory(prefix="modelport-image-") as folder:
        home = Path(folder)
        copied = _copy("bentos", bento, home)
        written = yaml.safe_load((copied / "bento.yaml").read_text())
        for tag in models_of(written):
            _copy("models", tag, home)
        _change(written, bento, base)
        (copied / "bento.yaml").write_text(yaml.safe_dump(written, sort_keys=False))
        _open_to_all(home)
        yield home


def models_of(written: dict[str, Any]) -> list[str]:
    """The tags of the models in BentoML's store that a Bento's description names."""
    named = [written, *written.get("services", ())]
    models = [model for one in named for model in one.get("models", ())]
    return sorted({str(model["tag"]) for model in models if model.get("registry") != "huggingface"})


def _change(written: dict[str, Any], bento: str, base: str | None) -> None:
    image = written.get("image")
    if image is None:  # conda or CUDA options: BentoML has another template for these
        if base is not None:
            raise ExportError(f"{bento} has conda or CUDA options, which decide about its base image")
        return
    image["base_image"] = base or image["base_image"]
    image["commands"] = [*image.get("commands", ()), _ENTER_HOME]


def _copy(store: str, tag: str, home: Path) -> Path:
    name, _, version = tag.partition(":")
    source, target = stores.path_of(store, tag), home / store / name / version
    if not source.is_dir():
        raise ExportError(f"{tag} is not in BentoML's store of {store}: export the endpoint again")
    shutil.copytree(source, target)
    return target


def _open_to_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
