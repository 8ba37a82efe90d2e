"""The sha256 of every file of a stored model, taken at export and checked before each load."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from registry.errors import ExportError

Manifest = dict[str, str]  # path inside the model's folder to its sha256


def manifest_of(folder: Path) -> Manifest:
    """The manifest of a folder, in the order of the paths."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(manifest: Mapping[str, str]) -> str:
    """One sha256 for a whole manifest; a single file's is its own."""
    if len(manifest) == 1:
        return next(iter(manifest.values()))
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(manifest.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def verify(folder: Path, manifest: Mapping[str, str]) -> None:
    """ExportError when a file of the manifest is missing or isn't what it was."""
    for path, expected in manifest.items():
        file = folder / path
        if not file.is_file() or sha256_of(file) != expected:
            raise ExportError(f"the stored model's file {path} is missing or was changed; export the model again")
