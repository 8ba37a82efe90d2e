"""The peers' environments: one virtual environment each, made on demand from its lock, so that Modelport's users get none.

`python -m benchmarks.environments` makes them all; `... lock` resolves the locks again from requirements.in.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.places import PEERS, cache, say

UV = str(Path(sys.executable).parent / "uv")


class NotInstalled(RuntimeError):
    """Why a peer's environment can't be made."""


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, made first if its lock has changed; NotInstalled says why it can't be."""
    lock = PEERS / peer / "requirements.txt"
    folder = cache("environments") / peer
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / "locked"
    if not (stamp.exists() and stamp.read_text() == digest):
        say(f"Making {peer}'s environment (a minute or less, once)")
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", str(folder / "bin/python"), "-r", str(lock))
        stamp.write_text(digest)
    return folder / "bin" / "python"


def peers() -> list[str]:
    """Every folder with a lock."""
    return sorted(path.parent.name for path in PEERS.glob("*/requirements.txt"))


def lock_all() -> None:
    """Resolve every lock again, for every system and Python that Modelport runs on."""
    for source in sorted(PEERS.glob("*/requirements.in")):
        say(f"Locking {source.parent.name}")
        options = ["--universal", "--python-version", "3.11", "--no-annotate", "--no-header", "--quiet", "--upgrade"]
        _uv("pip", "compile", str(source), "-o", str(source.with_suffix(".txt")), *options)


def _uv(*arguments: str) -> None:
    # Outside the project, whose own settings would narrow the locks down.
    done = subprocess.run([UV, *arguments], cwd=cache("scratch"), capture_output=True, text=True)
    if done.returncode:
        raise NotInstalled(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "uv failed")


if __name__ == "__main__":
    if sys.argv[1:] == ["lock"]:
        lock_all()
    else:
        for name in peers():
            python_of(name)
