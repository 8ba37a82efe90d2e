"""A worker process for test_processes.py: calls slots as fast as it can and logs each decision.

Arguments: file, limit, log, calls (0: until killed), slots. It says "ready", then waits for a line.
The log has 8 bytes per call: the limiter's own timestamp << 1 | admitted.
"""

import os
import sys
from pathlib import Path
from random import random
from time import monotonic_ns, sleep
from unittest.mock import patch

from services.limits import shared
from services.limits.rule import Limit

last = 0
fstat = os.fstat


def clock() -> int:
    """Note the time that the limiter, under its lock, sees."""
    global last
    last = monotonic_ns()
    return last


def slow_fstat(fd: int) -> os.stat_result:
    """Let the file's size grow old before it is used: a race of growths that almost never happens, happens."""
    found = fstat(fd)
    sleep(random() / 500)
    return found


def main(path: str, text: str, log: str, calls: str, *slots: str) -> None:
    """Wait for the start, then hammer each slot in turn."""
    limit, numbers = Limit.parse(text), [int(slot) for slot in slots]
    limiter = shared.SharedLimiter(Path(path))
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    print("ready", flush=True)
    sys.stdin.readline()
    with patch.object(shared, "monotonic_ns", clock), patch.object(os, "fstat", slow_fstat):
        done = 0
        while done < int(calls) or calls == "0":
            for slot in numbers:
                allowed = limiter.hit(slot, limit).allowed
                os.write(fd, (last // 1000 << 1 | allowed).to_bytes(8, "little"))
            done += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
