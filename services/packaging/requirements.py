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
FRAMEWORKS = {"sklearn": ("scikit-learn", "joblib", "numpy", "pandas"), "keras": ("tensorflow", "keras", "numpy")}


def pinned(names: Iterable[str]) -> list[str]:
    """Requirement lines with the installed versions."""
    return [f"{name}=={version(name.partition('[')[0])}" for name in names]


def requirements(framework: str, suffix: str) -> list[str]:
    """The requirement lines of one model's Bento."""
    extra = ("skops",) if suffix == ".skops" else ()
    return pinned([*BASE, *POSTGRES, *FRAMEWORKS[framework], *extra])
