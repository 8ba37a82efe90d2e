"""What this installation is and what is wrong with it, a finding for each part. Nothing is changed and no secret told."""

import os
import platform
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import NamedTuple

from registry import accounts
from registry.catalog import Endpoint, EndpointStatus, endpoints
from registry.clock import now
from registry.database import reading, registry_exists, require_schema
from registry.errors import PlatformError
from registry.failures import plainly
from registry.settings import PREFIX, settings
from services import key_status
from services.inference import threads
from services.inference.runtimes import BOOSTING
from services.packaging import stores

LIBRARIES = ("bentoml", "numpy", "scikit-learn", "keras", "tensorflow", "onnxruntime", "skl2onnx", "tf2onnx")
NEEDED_BY = {
    "onnx": "onnxruntime",
    "tree": "numpy",
    "sklearn": "sklearn",
    "keras": "tensorflow",
    "service": "bentoml",
} | dict(zip(BOOSTING, BOOSTING, strict=True))
ROOM = 1024**3  # bytes of disk below which the next export may fail


class State(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(NamedTuple):
    """One line about one part of the installation."""

    part: str
    state: State
    says: str


Check = Callable[[], Iterator[tuple[State, str]]]


def examine() -> list[Finding]:
    """Every finding, also when a part fails; SettingsError when the settings themselves can't be read."""
    settings()
    found: list[Finding] = []
    for part, check in CHECKS.items():
        if part in ("endpoint", "key") and any(one.part == "registry" and one.state is State.WRONG for one in found):
            continue  # said already, and a server that is away would be waited for twice
        try:
            found.extend(Finding(part, *result) for result in check())
        except (PlatformError, OSError) as error:
            found.append(Finding(part, State.WRONG, str(getattr(error, "message", error))))
    return found


def _versions() -> Iterator[tuple[State, str]]:
    installed = ", ".join(f"{name} {_version(name) or 'not installed'}" for name in LIBRARIES)
    yield State.OK, f"modelport {_version('modelport')}, Python {platform.python_version()}, {installed}"


def _home() -> Iterator[tuple[State, str]]:
    home = settings().home
    if not home.exists():
        yield State.OK, f"{home} is made by the first export"
    elif not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        yield State.WRONG, f"{home} can't be written: set {PREFIX}HOME to a folder you own"
    else:
        others = stat.S_IMODE(home.stat().st_mode) & 0o077
        told = f"{home}, open to {'others too: chmod 700 it' if others else 'its owner alone'}"
        yield (State.WARNING if others else State.OK), told


def _registry() -> Iterator[tuple[State, str]]:
    if not registry_exists():
        yield State.OK, "none yet; the first export makes it"
        return
    require_schema()
    yield State.OK, f"{'SQLite' if settings().embedded else 'Postgres'}, reachable, with the schema of this version"


def _pepper() -> Iterator[tuple[State, str]]:
    path = settings().home / "secrets" / "pepper"
    if settings().pepper is None and settings().embedded and not path.exists():
        if registry_exists():
            yield State.WARNING, f"no {path}: keys made before it was lost are refused; restore it, or make new keys"
        else:
            yield State.OK, "none yet; the first key makes it"
        return
    settings().pepper_bytes()
    if settings().pepper is not None:
        yield State.OK, f"given by {PREFIX}PEPPER"
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield State.WRONG, f"{path} can be read by others: chmod 600 it, and rotate the keys"
    else:
        yield State.OK, f"kept in {path}"


def _stores() -> Iterator[tuple[State, str]]:
    home = stores.home()
    free = shutil.disk_usage(home).free
    if not os.access(home / "models", os.W_OK):
        yield State.WRONG, f"{home} can't be written: set BENTOML_HOME to a folder you own"
    else:
        yield (State.WARNING if free < ROOM else State.OK), f"{home}, {free / 1024**3:.1f} GiB free"


def _processor() -> Iterator[tuple[State, str]]:
    cores, workers, share = threads.cores(), settings().workers, threads.share(settings().workers)
    told = f"cores {cores}, workers {workers}; threads of each worker: BLAS, OpenMP and TensorFlow {share}, "
    told += f"an ONNX graph {threads.for_graph()}"
    yield (State.WARNING if workers * share > cores else State.OK), told


def _server() -> Iterator[tuple[State, str]]:
    missing = [name for name in ("uvloop", "httptools") if find_spec(name) is None]
    slow = f"without {' and '.join(missing)} each request takes longer: install modelport again"
    yield (State.WARNING, slow) if missing else (State.OK, "uvloop and httptools")


def _sqlite() -> Iterator[tuple[State, str]]:
    release = sqlite3.sqlite_version
    if settings().embedded and wal_reset(tuple(map(int, release.split(".")))):
        yield (
            State.WARNING,
            f"{release} may, very rarely, damage a file in WAL mode (sqlite.org/wal.html#walresetbug): "
            "back up the registry, and use 3.51.3 or newer",
        )
    else:
        yield State.OK, release


def wal_reset(release: tuple[int, ...]) -> bool:
    """Whether SQLite has the WAL-reset bug: 3.7.0 to 3.51.2, but for 3.44.6 and 3.50.7, which had the fix put back."""
    mended = release[:2] in ((3, 44), (3, 50)) and release >= {44: (3, 44, 6), 50: (3, 50, 7)}[release[1]]
    return (3, 7, 0) <= release < (3, 51, 3) and not mended


def _tracking() -> Iterator[tuple[State, str]]:
    off = os.environ.get("BENTOML_DO_NOT_TRACK", "").lower() == "true"  # the one word that BentoML takes
    told = "BentoML reports nothing" if off else "BentoML reports its use: set BENTOML_DO_NOT_TRACK=true"
    yield (State.OK if off else State.WARNING), told


def _endpoints() -> Iterator[tuple[State, str]]:
    if not registry_exists():
        return
    with plainly(settings().url), reading() as session:
        found = endpoints(session)
    for endpoint in found:
        if endpoint.status != EndpointStatus.INACTIVE:
            wrong = _wrong_with(endpoint)
            told = f"{endpoint.name} version {endpoint.model.version}, {endpoint.model.runtime}"
            yield (State.WRONG if wrong else State.OK), f"{told}: {wrong}" if wrong else told


def _wrong_with(endpoint: Endpoint) -> str | None:
    if endpoint.status == EndpointStatus.ERROR:
        return endpoint.status_reason or "it does not load"
    if not stores.holds(endpoint.bento, endpoint.model.tag):
        return "its Bento or its model is not in BentoML's stores; export it again"
    needed = NEEDED_BY.get(endpoint.model.runtime, "")
    return f"{needed} is not installed here" if needed and find_spec(needed) is None else None


def _keys() -> Iterator[tuple[State, str]]:
    if registry_exists():
        with plainly(settings().url), reading() as session:
            yield from ((State.WARNING, said) for said in key_status.warnings(accounts.keys(session), now()))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


CHECKS: dict[str, Check] = {
    "versions": _versions,
    "home": _home,
    "registry": _registry,
    "pepper": _pepper,
    "stores": _stores,
    "processor": _processor,
    "server": _server,
    "sqlite": _sqlite,
    "tracking": _tracking,
    "endpoint": _endpoints,
    "key": _keys,
}
