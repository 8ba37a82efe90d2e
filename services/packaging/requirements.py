"""What a Bento needs to run, pinned to what is installed here and was proved at export."""

from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

BASE = (
    "bentoml",
    "httptools",
    "prometheus-client",
    "psutil",
    "pydantic",
    "pydantic-settings",
    "pyjwt",
    "python-multipart",
    "sqlmodel",
    "starlette",
    "typing-extensions",
    "uvloop",
)
IMAGES = ("pillow", "numpy")
POSTGRES = ("psycopg[binary]",)
_SKLEARN = ("scikit-learn", "joblib", "numpy", "pandas")
RUNTIMES = {
    "sklearn": _SKLEARN,
    "xgboost": (*_SKLEARN, "xgboost"),
    "lightgbm": (*_SKLEARN, "lightgbm"),
    "keras": ("tensorflow", "keras", "numpy"),
    "onnx": ("onnxruntime", "numpy"),
    "tree": ("numpy",),
}
_OTHER_NAMES = {"xgboost": ("xgboost-cpu",)}  # of a library that is published in more than one form


def pinned(names: Iterable[str]) -> list[str]:
    """Requirement lines with the installed versions."""
    return [f"{found}=={version(found.partition('[')[0])}" for found in map(_installed, names)]


def _installed(name: str) -> str:
    """The name under which a library is installed here."""
    for other in _OTHER_NAMES.get(name, ()):
        with suppress(PackageNotFoundError):
            version(other)
            return other
    return name


def requirements(runtime: str, suffix: str, packages: Iterable[str] = ()) -> list[str]:
    """The requirement lines of one model's Bento: the runtime that serves it with the packages that it needs beside, and
    not what it was trained with."""
    extra = ("skops",) if suffix == ".skops" else ()
    return pinned(dict.fromkeys([*BASE, *POSTGRES, *RUNTIMES[runtime], *packages, *extra]))
