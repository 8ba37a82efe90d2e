"""What a Bento needs to run, pinned to what is installed here and was proved at export."""

from collections.abc import Iterable
from importlib.metadata import version

BASE = (
    "bentoml",
    "httptools",
    "prometheus-client",
    "psutil",
    "pydantic",
    "pydantic-settings",
    "sqlmodel",
    "starlette",
    "typing-extensions",
    "uvloop",
)
POSTGRES = ("psycopg[binary]",)
RUNTIMES = {
    "sklearn": ("scikit-learn", "joblib", "numpy", "pandas"),
    "keras": ("tensorflow", "keras", "numpy"),
    "onnx": ("onnxruntime", "numpy"),
}


def pinned(names: Iterable[str]) -> list[str]:
    """Requirement lines with the installed versions."""
    return [f"{name}=={version(name.partition('[')[0])}" for name in names]


def requirements(runtime: str, suffix: str) -> list[str]:
    """The requirement lines of one model's Bento: the runtime that serves it, and not what it was trained with."""
    extra = ("skops",) if suffix == ".skops" else ()
    return pinned([*BASE, *POSTGRES, *RUNTIMES[runtime], *extra])
