"""How a child of an export works: it prepares, waits for the word, does its step, and writes down what came of it."""

import ctypes
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from registry.errors import PlatformError
from services.packaging.job import Failure, Job
from services.packaging.limits import apply

_PR_SET_PDEATHSIG = 1


def run() -> None:
    """The main function of a child; a PlatformError becomes its one-line answer."""
    step, order = sys.argv[1:]
    job = Job.model_validate_json(Path(order).read_text())
    _end_with(job.parent)
    apply(job.limits)
    module = import_module(f"services.packaging.{step}")
    module.prepare(job)
    if not sys.stdin.readline():
        sys.exit(1)  # the export is over
    try:
        result = module.work(job)
    except PlatformError as error:
        _fail(job, step, error.message)
    except MemoryError:
        if job.limits is None:
            raise
        _fail(job, step, "the model needs more memory than it is given")
    job.answer(step).write_text(result.model_dump_json())


def _fail(job: Job, step: str, message: str) -> NoReturn:
    job.failure(step).write_text(Failure(message=message).model_dump_json())
    sys.exit(1)


def _end_with(parent: int) -> None:
    """On Linux the kernel kills this process as soon as the exporting one is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
