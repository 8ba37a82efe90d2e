"""What a child that loads somebody's model may use is what the kernel is told."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from registry.errors import ExportError
from services.packaging.children import Child
from services.packaging.job import Job
from services.packaging.limits import Limits

TOLD = """
import json, resource, sys
from services.packaging.limits import Limits, apply
apply(Limits.model_validate_json(sys.argv[1]))
names = ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_CORE")
print(json.dumps({name: resource.getrlimit(getattr(resource, name)) for name in names}))
"""
LIMITS = Limits(memory_bytes=2**30, processor_seconds=7, file_bytes=2**20)


def run(code: str) -> "subprocess.CompletedProcess[str]":
    """Run it in a process of its own."""
    command = [sys.executable, "-c", code, LIMITS.model_dump_json()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_kernel_knows_them_and_they_can_not_be_raised_again() -> None:
    expected: dict[str, Any] = {"RLIMIT_AS": 2**30, "RLIMIT_CPU": 7, "RLIMIT_FSIZE": 2**20, "RLIMIT_CORE": 0}
    assert json.loads(run(TOLD).stdout) == {
        name: [most, most + 5 * (name == "RLIMIT_CPU")] for name, most in expected.items()
    }


@pytest.mark.parametrize(
    ("greedy", "end"),
    [
        ("bytes(2**31)", "MemoryError"),
        ("open('/dev/shm/modelport-test', 'wb').write(bytes(2**21))", "File too large"),
    ],
)
def test_whoever_takes_more_is_stopped(greedy: str, end: str) -> None:
    done = run(f"{TOLD}\n{greedy}")
    Path("/dev/shm/modelport-test").unlink(missing_ok=True)
    assert done.returncode != 0 and end in done.stderr


@pytest.mark.slow
def test_a_child_that_computes_for_ever_is_ended_by_its_time(tmp_path: Path) -> None:
    limits = LIMITS.model_copy(update={"processor_seconds": 1, "memory_bytes": 4 * 2**30})
    with (
        pytest.raises(ExportError, match="more of the processor's time"),
        Child("describe_model", job(tmp_path, limits)) as child,
    ):
        resource.prlimit(child._process.pid, resource.RLIMIT_CPU, (1, 6))
        child.result()


def job(folder: Path, limits: Limits) -> Job:
    """An order to load a model that is never loaded."""
    (folder / "tmp").mkdir()
    (folder / "model").mkdir()
    import os

    return Job(
        folder=folder, parent=os.getpid(), endpoint="x", bento_version="", model_version="1", kind="model",
        file="m.keras", framework="keras", limits=limits,
    )  # fmt: skip
