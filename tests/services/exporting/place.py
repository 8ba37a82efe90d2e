"""A user's machine in a folder: a home, a registry and BentoML's stores, and `modelport` as processes on it."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cli.terminal import Done

PATIENCE = 200.0  # seconds


class Place:
    """Everything a command may write stands under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.stores = folder, folder / "registry", folder / "bentoml"
        (folder / "tmp").mkdir(parents=True)

    @property
    def environment(self) -> dict[str, str]:
        """What the commands are told."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELPORT_", "BENTOML_"))}
        kept.pop("PROMETHEUS_MULTIPROC_DIR", None)
        own = {"HOME": ".", "TMPDIR": "tmp", "MODELPORT_HOME": "registry", "BENTOML_HOME": "bentoml"}
        return kept | {name: str(self.folder / part) for name, part in own.items()}

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        """A command under way."""
        command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def run(self, *arguments: object, patience: float = PATIENCE) -> Done:
        """A command that has ended, within so many seconds."""
        return finished(self.start(*arguments), patience)

    def python(self, *arguments: str) -> str:
        """What another program prints there."""
        command = [sys.executable, *arguments]
        ended = subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def listing(self) -> dict[str, str]:
        """Every file and folder with what is in it; of the registry, its rows."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            if path.name.startswith("registry.db") or "__pycache__" in path.parts:
                continue
            found[str(path.relative_to(self.folder))] = digest(path)
        database = self.home / "registry.db"
        if database.exists():
            with sqlite3.connect(database) as connection:
                found["rows"] = "\n".join(connection.iterdump())
            connection.close()
        return found

    def versions(self, name: str) -> dict[str, list[str]]:
        """The versions that each of BentoML's stores holds of a name."""
        return {
            store: sorted(path.name for path in (self.stores / store / name).iterdir() if path.is_dir())
            for store in ("models", "bentos")
        }

    def bentoml(self, *arguments: str) -> Any:
        """What BentoML's own command says, as JSON."""
        return json.loads(self.python("-m", "bentoml", *arguments, "-o", "json"))


def finished(process: "subprocess.Popen[str]", patience: float = PATIENCE) -> Done:
    """The process once it has ended."""
    out, err = process.communicate(timeout=patience)
    return Done(process.returncode, out, err)


def digest(path: Path) -> str:
    """What a file holds, in short."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
