"""Where the benchmark keeps things: what it makes in `.bench/`, which git ignores, and what is committed beside it."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "benchmarks" / "peers"
RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"
CACHE = Path(os.environ.get("BENCH_CACHE", ROOT / ".bench"))
MODELS = CACHE / "models"


def cache(*parts: str) -> Path:
    """A folder under the cache, made if need be."""
    folder = CACHE.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    ignore = CACHE / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return folder


def say(text: str) -> None:
    """A line of progress."""
    print(text, flush=True)
