"""Lays an uploaded file out as its loader wants it: under a suffix that it goes by, or unpacked into a folder."""

import shutil
from pathlib import Path

from registry.errors import ExportError
from services.packaging.archives import extract, open_checked
from services.packaging.formats import Format

NAME = "model"  # the same each time, for a folder's name is part of its digest


def lay_out(upload: Path, found: Format, folder: Path, most_bytes: int) -> Path:
    """The model at its place in the folder; the upload stays as it is."""
    target = folder / f"{NAME}{found.suffix}"
    if found.suffix:
        shutil.copyfile(upload, target)
        return target
    with open_checked(upload, most_bytes) as archive:
        extract(archive, target)
    inner = list(target.iterdir())
    if not (target / "saved_model.pb").is_file() and len(inner) == 1:  # zipped together with its folder
        moved = inner[0].rename(folder / f"{NAME}.inner")
        target.rmdir()
        moved.rename(target)
    if not (target / "saved_model.pb").is_file():
        raise ExportError("the archive has more in it than one SavedModel")
    return target
