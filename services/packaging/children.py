"""Runs one step of an export in a process of its own: what a model does there, crash or hang, ends there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from registry.errors import ExportError
from services.packaging.job import Failure, Job

TIMEOUT = 900  # seconds: a large Keras model on a small machine loads in a minute or two


def run_child(module: str, job: Job) -> Path:
    """Run `python -m module` on the job; the path of its result, or ExportError with the child's own line."""
    order, log = job.folder / "job.json", job.folder / "child.log"
    order.write_text(job.model_dump_json())
    with log.open("wb") as output:
        try:
            child = subprocess.run(
                [sys.executable, "-m", module, str(order)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(), cwd=job.folder, timeout=TIMEOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ExportError(f"the model took more than {TIMEOUT} s to load and build") from None
    if child.returncode != 0:
        raise ExportError(_reason(job, child.returncode, log))
    return job.folder / "built.json"


def environment() -> dict[str, str]:
    """This process's environment with the tools of its virtual environment first: BentoML calls `uv` by name."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, "PATH": path, "BENTOML_DO_NOT_TRACK": "true", **quiet}


def _reason(job: Job, code: int, log: Path) -> str:
    failure = job.folder / "failure.json"
    if failure.is_file():
        return Failure.model_validate_json(failure.read_text()).message
    if code < 0:
        return f"the model crashed the process that loaded it ({signal.Signals(-code).name})"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"the build failed: {lines[-1].strip()[:300] if lines else f'exit code {code}'}"
