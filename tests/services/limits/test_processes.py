"""Real processes on one file: exact counts, SIGKILL at any moment, growth at the same moment."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns, sleep

import pytest

from services.limits.rule import Limit
from services.limits.shared import SharedLimiter

HAMMER = Path(__file__).with_name("hammer.py")
ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.timeout(120)
Process = subprocess.Popen[bytes]


def start(folder: Path, name: str, limit: str, calls: int, slots: Sequence[int] = (7,)) -> Process:
    """Start a worker and wait until it is ready."""
    command = [sys.executable, str(HAMMER), str(folder / "limits"), limit, str(folder / f"{name}.log"), str(calls)]
    process = subprocess.Popen(
        [*command, *map(str, slots)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def go(process: Process) -> None:
    """Let a worker begin."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()


def end(process: Process) -> None:
    """Kill a worker and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


@contextmanager
def running(processes: list[Process]) -> Iterator[None]:
    """End all workers of the list, which may change meanwhile."""
    try:
        for process in processes:
            go(process)
        yield
    finally:
        for process in processes:
            end(process)


def admitted(folder: Path) -> list[int]:
    """Return the times (microseconds) of all admissions that were logged, in order."""
    logs = b"".join(log.read_bytes() for log in folder.glob("*.log"))
    calls = memoryview(logs).cast("Q")
    return sorted(call >> 1 for call in calls if call & 1)


def most_in_a_window(times: list[int], window: int) -> int:
    """Return the largest number of times within any half-open interval."""
    most = first = 0
    for last, time in enumerate(times):
        while times[first] <= time - window:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("count", [100, 511, 10_000])
def test_exactly_the_limit(tmp_path: Path, count: int) -> None:
    workers = [start(tmp_path, str(i), f"{count}/hour", count) for i in range(4)]
    with running(workers):
        assert [worker.wait() for worker in workers] == [0] * 4
    assert len(admitted(tmp_path)) == count


@pytest.mark.parametrize("count", [100, 1_500])
def test_never_more_in_any_interval(tmp_path: Path, count: int) -> None:
    workers = [start(tmp_path, str(i), f"{count}/second", 20_000) for i in range(4)]
    with running(workers):
        assert [worker.wait() for worker in workers] == [0] * 4
    assert most_in_a_window(admitted(tmp_path), 1_000_000) == count


def test_killed_workers_leave_the_others_working(tmp_path: Path) -> None:
    workers = [start(tmp_path, str(i), "1500/second", 0) for i in range(4)]
    with running(workers):
        for killed in range(10):
            end(workers.pop(0))
            # An admission may be lost from the log of a killed worker, never from the slot.
            for i in range(killed + 1, killed + 4):
                log = tmp_path / f"{i}.log"
                size = log.stat().st_size if log.exists() else 0
                while not log.exists() or log.stat().st_size < size + 8 * 500:
                    sleep(0.001)
            workers.append(start(tmp_path, str(killed + 4), "1500/second", 0))
            go(workers[-1])
    times = admitted(tmp_path)
    assert most_in_a_window(times, 1_000_000) <= 1500
    limiter = SharedLimiter(tmp_path / "limits")
    assert limiter.hit(7, Limit(1500, 1), 1500, monotonic_ns() + 1_000_000_000).allowed


def test_growth_at_the_same_moment(tmp_path: Path) -> None:
    """Each worker counts in its own slot of 30 segments that do not exist yet, all four in the same order."""
    far = [[segment * 8192 + 8190 * (i % 2) + i // 2 for segment in range(30)] for i in range(4)]
    workers = [start(tmp_path, str(i), "10/hour", 3, far[i]) for i in range(4)]
    with running(workers):
        assert [worker.wait() for worker in workers] == [0] * 4
    limiter, limit = SharedLimiter(tmp_path / "limits"), Limit(10, 3600)
    assert {limiter.hit(slot, limit).remaining for slots in far for slot in slots} == {10 - 3 - 1}
    assert (tmp_path / "limits").stat().st_size == 30 * 8192 * 4096
