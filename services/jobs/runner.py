"""A worker's hand on the process that does the exports: starts it, and takes it along when it ends itself."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from registry.settings import settings
from services.jobs.queue import place, waiting
from services.jobs.work import lock_path
from services.packaging import stores
from services.packaging.children import environment
from services.packaging.locks import lock, unlock
from services.uploads import kept

PATIENCE = 20.0  # seconds that an export has to clear up when the worker ends
_ROOT = str(Path(__file__).resolve().parent.parent.parent)


class Runner:
    """Starts a process for each job; those that find another at work end at once."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Clear up after uploads that were killed, and go on with what is queued; when a worker starts."""
        place()
        kept.Change.recover()
        if waiting():
            self.wake()

    def wake(self) -> None:
        """Have what is queued done."""
        with self._lock:
            self._reap()
            if not self._closed:
                self._processes.append(self._started())

    def heal(self) -> None:
        """The same if nobody works, as after a process was killed."""
        held = lock(lock_path(), wait=False)
        if held is not None:
            unlock(lock_path(), held)
            if waiting():
                self.wake()

    def close(self) -> None:
        """End what this worker has started, and wait until it has cleared up."""
        with self._lock:
            self._closed = True
            for process in self._processes:
                assert process.stdin is not None
                process.stdin.close()
            for process in self._processes:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE)
                if process.poll() is None:
                    process.kill()
                    process.wait()
            self._processes.clear()

    def _reap(self) -> None:
        for process in [one for one in self._processes if one.poll() is not None]:
            assert process.stdin is not None
            process.stdin.close()
            self._processes.remove(process)

    def _started(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "services.jobs"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=_environment(), start_new_session=True,
        )  # fmt: skip


def _environment() -> dict[str, str]:
    """The worker's settings without what BentoML has told the worker; the stores are the user's own."""
    kept_names = {
        name: value
        for name, value in environment().items()
        if not name.startswith(("BENTOML_", "BENTO_", "PROMETHEUS_", "UVICORN_"))
    }
    paths = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    own = {"PYTHONPATH": paths, "BENTOML_HOME": str(stores.home()), "BENTOML_DO_NOT_TRACK": "true"}
    return {**kept_names, **own, "MODELPORT_HOME": str(settings().home)}
