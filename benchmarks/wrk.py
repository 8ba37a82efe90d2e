"""The load: wrk (https://github.com/wg/wrk) on one thread, over keep-alive connections, each waiting for its answer.

wrk's percentiles come from its own latency distribution, which it corrects for requests that a stalled server held up.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_suffix(".lua")


@dataclass(frozen=True)
class Load:
    """What one run of wrk measured; latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    requests: int
    failed: int


def require_wrk() -> None:
    """SystemExit with what to do when there is no wrk."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: `apt-get install wrk` (Debian, Ubuntu) or `brew install wrk`, then again")


def run(url: str, body: Path, kind: str, key: str | None, connections: int, seconds: int) -> Load:
    """Drive the URL with the body in that file, of that content type."""
    environment = {**os.environ, "BENCH_BODY": str(body), "BENCH_TYPE": kind} | ({"BENCH_KEY": key} if key else {})
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(SCRIPT), url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 90)
    if done.returncode:
        raise RuntimeError(f"wrk: {(done.stderr or done.stdout).strip()[-300:]}")
    return parse(done.stdout)


def parse(printed: str) -> Load:
    """The line of JSON that wrk.lua prints at the end."""
    lines = [line for line in printed.splitlines() if line.startswith('{"requests"')]
    if not lines:
        raise ValueError(f"wrk printed no result: {printed.strip()[-300:]!r}")
    found = json.loads(lines[-1])
    rate = found["requests"] / found["microseconds"] * 1e6 if found["microseconds"] else 0.0
    return Load(rate, found["p50"] / 1e3, found["p99"] / 1e3, found["requests"], found["failed"])
