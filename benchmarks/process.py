"""A contender's processes: started, timed to the first right answer, weighed, and ended without leaving any behind."""

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

PATIENCE = 120  # seconds to the first answer


class Contending:
    """One started contender. Use it as a context: it ends with the block."""

    def __init__(self, command: list[str], environment: Mapping[str, str], folder: Path, log: Path) -> None:
        self._command, self._environment, self._folder, self.log = command, dict(environment), folder, log

    def __enter__(self) -> Self:
        self.started = time.perf_counter()
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=self._folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        return self

    def first_answer(self, port: int, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[float, Any]:
        """Seconds from spawn to the first 200, and what it said; RuntimeError when it ends or takes too long."""
        seen = ""
        while time.perf_counter() - self.started < PATIENCE:
            if self._process.poll() is not None:
                raise RuntimeError(f"it ended: {self._last_line()}")
            with suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
                status, answer = post(port, path, body, headers)
                if status == 200:
                    return time.perf_counter() - self.started, json.loads(answer)
                seen = f"{status} {answer[:200]!r}"
            time.sleep(0.02)
        raise RuntimeError(f"no 200 within {PATIENCE} s; last {seen or 'nothing'}; {self._last_line()}")

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def _tree(self) -> list[psutil.Process]:
        try:
            top = psutil.Process(self._process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu_seconds(self) -> dict[int, float]:
        """Processor time of each of its processes so far."""
        spent = {}
        for process in self._tree():
            with suppress(psutil.Error):
                times = process.cpu_times()
                spent[process.pid] = times.user + times.system
        return spent

    def memory(self) -> tuple[int, int]:
        """Bytes: the largest process's resident memory, and what all of them take together (shared pages counted once)."""
        largest = together = 0
        for process in self._tree():
            with suppress(psutil.Error):
                info = process.memory_full_info()
                largest = max(largest, info.rss)
                together += getattr(info, "pss", info.uss)
        return largest, together

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tree = self._tree()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(8)
        for process in tree:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(tree, 5)
        self._process.wait()

    def _last_line(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else "it printed nothing"


def post(port: int, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and body of one POST to this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
