"""What the layers cost: the same predictor behind the whole stack and behind nothing, in turn, in one run.

`python -m benchmarks.layers [--rounds 5] [--seconds 4]`. Both servers are one uvicorn process each with uvloop and
httptools; both read the body, validate it, predict and answer. Only one of them checks a key, counts a limit, records
metrics and writes the log.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "cost.md"


def main() -> None:
    """Export a model into a home of its own, serve it both ways, take turns, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=16)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="modelport-bench-") as folder:
        os.environ.update(
            MODELPORT_HOME=f"{folder}/home", BENTOML_HOME=f"{folder}/bentoml", BENTOML_DO_NOT_TRACK="true"
        )
        from benchmarks.models import BODY, prepare

        exported = prepare(Path(folder))
        servers = {name: start(name, exported["endpoint"], folder) for name in ("bare", "stack")}
        try:
            order = {"path": exported["path"], "key": exported["api_key"], "body": BODY}
            order |= {"connections": chosen.connections, "seconds": chosen.seconds}
            results = rounds(servers, order, chosen.rounds)
        finally:
            for process, _ in servers.values():
                process.terminate()
                process.wait()
    text = report(results, chosen, exported["seconds_per_row"])
    print(text)
    PAGE.write_text(text)


def start(name: str, endpoint: str, folder: str) -> tuple["subprocess.Popen[bytes]", int]:
    """Start one of the two servers; its process and port."""
    from benchmarks.models import free_port

    port = free_port()
    metrics = Path(folder, f"metrics-{name}")
    metrics.mkdir()
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    arguments = [sys.executable, "-m", "benchmarks.servers", name, endpoint, str(port)]
    return subprocess.Popen(arguments, env=environment), port


def rounds(servers: dict[str, tuple[Any, int]], order: dict[str, Any], count: int) -> dict[str, list[dict[str, Any]]]:
    """Take turns; the first round warms up and isn't kept."""
    from benchmarks.models import wait_for

    results: dict[str, list[dict[str, Any]]] = {name: [] for name in servers}
    for _, port in servers.values():
        wait_for(port)
    for number in range(count + 1):
        for name, (process, port) in servers.items():
            before = cpu_seconds(process.pid)
            order_text = json.dumps({**order, "port": port})
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.load", order_text], capture_output=True, check=True
            )
            result = json.loads(done.stdout)
            assert set(result["statuses"]) == {"200"}, result
            result["cpu"] = (cpu_seconds(process.pid) - before) / result["statuses"]["200"] * 1e6
            if number:
                results[name].append(result)
            time.sleep(0.3)
    return results


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def report(results: dict[str, list[dict[str, Any]]], chosen: Any, seconds_per_row: float) -> str:
    """The page: medians over the rounds, and the ratio of the two."""
    middle = {
        name: {key: statistics.median(r[key] for r in kept) for key in ("rate", "p50", "p99", "cpu")}
        for name, kept in results.items()
    }
    ratios = [stack["rate"] / bare["rate"] for bare, stack in zip(results["bare"], results["stack"], strict=True)]
    rows = "\n".join(
        f"| {label} | {middle[name]['rate']:.0f} | {middle[name]['p50']:.1f} | {middle[name]['p99']:.1f} | "
        f"{middle[name]['cpu']:.0f} |"
        for name, label in (
            ("bare", "the predictor behind a bare ASGI app"),
            ("stack", "the same behind the whole stack"),
        )
    )
    return f"""# What a request costs

Written by `make bench`. One worker, {chosen.connections} keep-alive connections, one row a call, medians of {chosen.rounds} rounds of
{chosen.seconds:g} s taken in turn. The model is a scikit-learn Pipeline (scaler, logistic regression) that takes
{seconds_per_row * 1e6:.0f} µs for a row by itself. Shared, noisy cores: trust the ratio, not the figures.

| | requests/s | p50 ms | p99 ms | worker CPU µs/request |
|---|---|---|---|---|
{rows}

Throughput with the stack is **{statistics.median(ratios):.2f}** of that without it (rounds: {", ".join(f"{r:.2f}" for r in ratios)}).
The stack costs {middle["stack"]["cpu"] - middle["bare"]["cpu"]:.0f} µs of worker CPU a request: request context and id, security headers,
body limit, key lookup (one HMAC), rate limit (shared memory, one lock), metrics, one queued log row, and the
writing of that row by the log's thread.

The aim is 0.85 or more; see the figure above for how far it is. Alone and warm the layers take about 60 µs; behind
scikit-learn they run cold, and the threads of the log and of the registry's watcher compete for the interpreter lock.
"""


if __name__ == "__main__":
    main()
