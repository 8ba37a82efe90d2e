"""Renders docs/profile.md: where a request's microseconds go."""

from typing import Any

OUTSIDE = {
    "event loop": "uvloop: waiting for sockets, reading and writing them, starting callbacks.",
    "uvicorn": "The HTTP server in Python around httptools: parses the request, makes the scope, writes the answer.",
}
SHOWN = 0.005  # of the time; what is less goes into one line


def profile_page(found: dict[str, Any]) -> str:
    """The page."""
    total = sum(found["samples"].values())
    main = found["main_seconds"] / found["requests"] * 1e6
    other = found["other_seconds"] / found["requests"] * 1e6
    beside = found["process_seconds"] / found["requests"] * 1e6
    shares = {name: count / total for name, count in found["samples"].items()}
    rows = [
        f"| {_name(name)} | {share * main:.1f} | {share:.0%} | {OUTSIDE.get(name) or found['purposes'].get(name, '')} |"
        for name, share in sorted(shares.items(), key=lambda pair: -pair[1])
        if share >= SHOWN
    ]
    rest = sum(share for share in shares.values() if share < SHOWN)
    rows.append(f"| everything under {SHOWN:.1%} | {rest * main:.1f} | {rest:.0%} | |")
    ours = sum(share for name, share in shares.items() if name not in OUTSIDE)
    table = "\n".join(rows)
    return f"""# Where a request's microseconds go

Written by `make bench` on {found["date"]}: one row to the compiled decision tree, through the whole stack, one worker, 16
connections, {found["requests"]:,} requests. The hub runs under a sampling profiler (`benchmarks/profiled.py`): {total:,} samples of the
main thread, each given to the innermost module of this project, with what it calls in C and in libraries.

A request costs **{main:.0f} µs** of the worker's main thread; beside it {other:.0f} µs of its other threads and {beside:.0f} µs of other
processes (whatever writes the request log and watches the registry). Of the main thread's time {ours:.0%} is this project's
code; the rest is the HTTP server and the sockets.

| where | µs | share | what it is for |
|---|---|---|---|
{table}

Microseconds on a machine with other work are worth less than shares: compare lines of one run. What Modelport costs
beside its peers stands in [benchmark.md](benchmark.md).
"""


def _name(name: str) -> str:
    return f"`{name}`" if name.endswith(".py") else name
