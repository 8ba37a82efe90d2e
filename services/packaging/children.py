"""Runs one step of an export in a process of its own: what a model does there, crash or hang, ends there."""

import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from registry.errors import ExportError
from services.packaging.job import Failure, Job

log = logging.getLogger("modelport.packaging")

TIMEOUT = 900  # seconds: a large Keras model on a small machine loads in a minute or two
COMPILE_TIMEOUT = 300  # seconds: the model is served without what a converter hasn't done by then
LONGEST_ANSWER = {"admit_model": 8 * 1024**2}  # bytes, of a model that came from elsewhere; other steps give rows
_LONGEST_ANSWER = 64 * 1024**2
_LONGEST_FAILURE, _LONGEST_REASON = 64 * 1024, 1000  # bytes, characters
_LOG_END = 64 * 1024  # bytes
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class Child:
    """A step's process: it starts and prepares at once, works when told to, and never outlives the block."""

    def __init__(self, step: str, job: Job) -> None:
        self.step, self.job = step, job
        self._compiles = step == "compile_model"
        self._log = job.folder / f"{step}.log"

    def __enter__(self) -> Self:
        order = self.job.folder / "job.json"
        if not order.exists():  # another child may be reading it
            order.write_text(self.job.model_dump_json())
        with self._log.open("wb") as output:
            # A session of its own: Ctrl-C reaches the export alone, and whatever the model starts ends with the step.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "services.packaging", self.step, str(order)],
                stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=self.job.folder / "tmp",
                env=_environment(self.job.folder), start_new_session=True,
            )  # fmt: skip
        return self

    def result(self, seconds: float | None = None) -> str:
        """Let it work, by default as long as its step may; what it wrote down, or ExportError with its own line."""
        seconds = seconds or (COMPILE_TIMEOUT if self._compiles else TIMEOUT)
        try:
            self._process.communicate(b"go\n", timeout=seconds)
        except subprocess.TimeoutExpired:
            what = "the conversion took more than {} s"
            if not self._compiles:
                what = "the model took more than {} s to load and answer"
            raise ExportError(what.format(seconds)) from None
        answer = self.job.answer(self.step)
        if self._process.returncode != 0 or not answer.is_file():
            raise ExportError(self._reason())
        most = LONGEST_ANSWER.get(self.step, _LONGEST_ANSWER)
        if self.job.limits is not None and answer.stat().st_size > most:
            raise ExportError(f"the description of the model takes more than {most} bytes")
        return answer.read_text()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(BrokenPipeError):
            self._process.communicate()

    def _reason(self) -> str:
        failure, code = self.job.failure(self.step), self._process.returncode
        foreign = self.job.limits is not None  # whoever sent the model may read the answer: the inside is for the log
        if failure.is_file() and not (foreign and failure.stat().st_size > _LONGEST_FAILURE):
            message = Failure.model_validate_json(failure.read_text()).message
            return message.replace(str(self.job.folder), "…")[:_LONGEST_REASON] if foreign else message
        who = "the conversion {} its process" if self._compiles else "the model {} the process that loaded it"
        if code == -signal.SIGXCPU:
            return "the model took more of the processor's time than it is given"
        if code < 0:
            return f"{who.format('crashed')} ({signal.Signals(-code).name})"
        last = self._last_line()
        if foreign:
            log.warning("%s of %s ended: %s", self.step, self.job.endpoint, last or code)
            return who.format("ended")
        return f"{who.format('ended')}: {last or f'exit code {code}'}"

    def _last_line(self) -> str:
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _LOG_END))
            lines = file.read().decode(errors="replace").splitlines()
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def environment() -> dict[str, str]:
    """This process's environment with the tools of its virtual environment first: BentoML calls `uv` by name."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, "PATH": path, "BENTOML_DO_NOT_TRACK": "true", **quiet}


def _environment(folder: Path) -> dict[str, str]:
    """A child's: it writes into the staging folder and nowhere else, and is told none of the platform's secrets."""
    inherited = {name: value for name, value in environment().items() if not name.upper().startswith("MODELPORT_")}
    inherited["PYTHONDONTWRITEBYTECODE"] = "1"  # what is imported from a Bento's source must not be written into it
    single = dict.fromkeys(_THREADS, "1")  # what is timed then is what each of several workers can have
    places = {"MODELPORT_HOME": "home", "BENTOML_HOME": "bentoml", "TMPDIR": "tmp", "PROMETHEUS_MULTIPROC_DIR": "tmp"}
    return inherited | single | {name: str(folder / place) for name, place in places.items()}
