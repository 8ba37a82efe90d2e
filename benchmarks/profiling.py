"""Measures where a request's microseconds go: the hub under the sampling profiler, loaded as in the benchmark."""

import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import contenders, wrk
from benchmarks.contenders import Start, environment
from benchmarks.exports import exported
from benchmarks.places import ROOT, cache
from benchmarks.process import Contending, free_port
from benchmarks.rounds import body_file
from benchmarks.scenarios import SCENARIOS

MODEL = "tree"
WARM, CONNECTIONS = 2, 16


def profile(seconds: int) -> dict[str, Any]:
    """Samples by module, processor seconds of the main thread, of other threads and of other processes, and requests."""
    start = Start(MODEL, free_port(), *exported(MODEL, "", again=False))
    output = cache("scratch", "profile") / "profile.json"
    output.unlink(missing_ok=True)
    metrics = cache("scratch", "profile", "metrics")
    under = replace(
        contenders.MODELPORT,
        name="profiled",
        command=lambda begun: [sys.executable, "-m", "benchmarks.profiled", str(begun.port), str(output)],
        variables=lambda begun: {
            **contenders.MODELPORT.variables(begun), "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        },
    )  # fmt: skip
    with Contending(under.command(start), environment(under, start), ROOT, cache("logs") / "profile.log") as running:
        return _drive(running, under, start, output, seconds)


def _drive(
    running: Contending, under: contenders.Contender, start: Start, output: Path, seconds: int
) -> dict[str, Any]:
    key = str(start.exported["api_key"])
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == MODEL)
    body = body_file(under, scenario, 1)
    running.first_answer(start.port, under.path(start), body.read_bytes(), {"X-API-Key": key})
    url = f"http://127.0.0.1:{start.port}{under.path(start)}"
    wrk.run(url, body, "application/json", key, CONNECTIONS, WARM)
    os.kill(running.pid, signal.SIGUSR1)
    before = running.cpu_seconds()
    load = wrk.run(url, body, "application/json", key, CONNECTIONS, seconds)
    others = sum(spent - before.get(pid, 0.0) for pid, spent in running.cpu_seconds().items() if pid != running.pid)
    os.kill(running.pid, signal.SIGUSR2)
    for _ in range(100):
        if output.exists():
            found: dict[str, Any] = json.loads(output.read_text())
            return {**found, "requests": load.requests, "rate": load.rate, "process_seconds": others}
        time.sleep(0.1)
    raise RuntimeError("the profiled hub wrote nothing down")
