"""The hub under a sampling profiler: `python -m benchmarks.profiled PORT OUTPUT.json`, in a home with an endpoint.

A timer of the process's own processor time interrupts it; the innermost frame of this project or of uvicorn at that
moment is where the time goes, C functions called from there included. Time in the event loop's own C code (sockets)
comes to light as the very first line of the next callback. SIGUSR1 starts the count, SIGUSR2 writes it down.
"""

import ast
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
INTERVAL = 0.001  # seconds of processor time; the kernel rounds it up to its own tick
LOOP, SERVER = "event loop", "uvicorn"

samples: Counter[str] = Counter()
threads_before: dict[int, float] = {}


def sample(_: int, frame: FrameType | None) -> None:
    """Count where the main thread is."""
    if frame is not None:
        samples[place(frame)] += 1


def place(frame: FrameType) -> str:
    """The module that the frame works for."""
    if frame.f_lineno == frame.f_code.co_firstlineno and _called_by_the_loop(frame):
        return LOOP
    inner: FrameType | None = frame
    while inner is not None:
        path = inner.f_code.co_filename
        if path.startswith(str(ROOT)) and ".venv" not in path and path != __file__:
            return str(Path(path).relative_to(ROOT))
        if _called_by_the_loop(inner):
            return SERVER if "/uvicorn/" in path and inner.f_code.co_name != "run" else LOOP
        if "/uvicorn/" in path:
            return SERVER
        inner = inner.f_back
    return LOOP


def _called_by_the_loop(frame: FrameType) -> bool:
    back = frame.f_back
    return back is None or back.f_code.co_name in ("run", "run_until_complete", "run_forever")


def thread_seconds() -> dict[int, float]:
    """Processor time of each thread."""
    return {thread.id: thread.user_time + thread.system_time for thread in psutil.Process().threads()}


def begin(*_: Any) -> None:
    """Count from now on."""
    samples.clear()
    threads_before.update(thread_seconds())


def write(*_: Any) -> None:
    """Write down the count, what each module is for, and the threads' processor time."""
    spent = {thread: seconds - threads_before.get(thread, 0.0) for thread, seconds in thread_seconds().items()}
    main = spent.pop(os.getpid())
    found = {
        "samples": dict(samples.most_common()),
        "purposes": {name: purpose(name) for name in samples if name.endswith(".py")},
        "main_seconds": main,
        "other_seconds": sum(spent.values()),
    }
    draft = Path(sys.argv[2] + ".draft")
    draft.write_text(json.dumps(found, indent=1))
    draft.replace(sys.argv[2])


def purpose(name: str) -> str:
    """The first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse((ROOT / name).read_text())) or ""
    return " ".join(text.split("\n\n")[0].split())


def main() -> None:
    """Serve the hub until SIGTERM."""
    import uvicorn

    from services.platform import Platform

    hub: Any = Platform
    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, write)
    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    uvicorn.run(
        hub.to_asgi(), port=int(sys.argv[1]), loop="uvloop", log_level="warning", access_log=False,
        server_header=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
