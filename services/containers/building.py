"""Builds the image of an endpoint by BentoML's own `containerize`, in a process that ends with this one."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from registry.catalog import Endpoint
from registry.errors import ExportError
from services.containers.backends import Backend
from services.containers.prepared import prepared
from services.containers.steps import follow
from services.packaging.children import environment

_ENDS_WITHIN = 30.0  # seconds for a builder to remove what it has begun
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_TAG = re.compile(rf"(?:[A-Za-z0-9.-]+(?::\d+)?/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?")

_BASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")  # it becomes a line of the Dockerfile


@dataclass(frozen=True)
class Image:
    """An image that is there."""

    tag: str
    size: str  # as the builder words it


def check_tag(tag: str) -> str:
    """The name for an image itself; ExportError when no builder would take it."""
    if not _TAG.fullmatch(tag):
        raise ExportError(f"{tag!r} can't be an image's name: give `--tag` as NAME:VERSION or HOST/NAME:VERSION")
    return tag


def containerize(
    endpoint: Endpoint,
    backend: Backend,
    tag: str,
    base: str | None,
    report: Callable[[str], None],
    everything: bool = False,
) -> Image:
    """Build the image of the endpoint's Bento; ExportError when that can't be done, its reason reported before."""
    check_tag(tag)
    if base is not None and not _BASE.fullmatch(base):
        raise ExportError(f"{base!r} can't be a base image")
    with prepared(endpoint.bento, base) as home:
        report(f"Building {tag} with {backend}")
        code, last = _run(endpoint.bento, backend, tag, home, report, everything)
    size = size_of(backend, tag) if code == 0 else None
    if size is None:
        for line in () if everything else last:
            report(f"  {line}")
        raise ExportError(f"{backend} could not build {tag}; its last lines stand above")
    return Image(tag, size)


def _run(
    bento: str, backend: Backend, tag: str, home: Path, report: Callable[[str], None], everything: bool
) -> tuple[int, list[str]]:
    """The exit code of BentoML's command, and the builder's last lines."""
    inherited = {name: value for name, value in environment().items() if not name.upper().startswith("MODELPORT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "bentoml", "containerize", bento, "--backend", backend, "--image-tag", tag],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**inherited, "BENTOML_HOME": str(home), "BUILDKIT_PROGRESS": "plain", "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        with process.stdout:
            last = follow(process.stdout, report, everything)
        return process.wait(), last
    except BaseException:
        _end(process)
        raise


def _end(process: "subprocess.Popen[str]") -> None:
    """End BentoML and the builder, which gets the time to leave nothing behind."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_ENDS_WITHIN)


def size_of(backend: Backend, tag: str) -> str | None:
    """How large an image is; None when there is none of that name."""
    command = [backend.value, "images", "--format", "{{.Size}}", tag]
    listed = subprocess.run(command, capture_output=True, text=True)
    return next(iter(listed.stdout.split("\n")), "").strip() or None
