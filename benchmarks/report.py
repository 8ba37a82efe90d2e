"""Writes docs/benchmark.md from the results, and docs/profile.md beside it: `python -m benchmarks.report [FOLDER TARGET]`."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.environments import NotInstalled, python_of
from benchmarks.places import DOCS, RESULTS, ROOT, say
from benchmarks.profile_page import profile_page
from benchmarks.promises import outcomes
from benchmarks.results import Figure, Results, read_all

HEAD = "| | req/s (least–most) | p50 ms | p99 ms | CPU µs/request: worker (all) | RSS MiB | all processes MiB | cold start s | Modelport ÷ it |"


def main() -> None:
    """Write the pages and the plot."""
    folder, target = (Path(argument) for argument in (sys.argv[1:] or (str(RESULTS), str(DOCS))))
    target.mkdir(parents=True, exist_ok=True)
    if results := read_all(folder):
        (target / "benchmark.md").write_text(page(results))
        say(f"Wrote {target / 'benchmark.md'}")
    if (profile := folder / "profile.json").exists():
        (target / "profile.md").write_text(profile_page(json.loads(profile.read_text())))
        say(f"Wrote {target / 'profile.md'}")
    if results:
        draw(folder, target / "images" / "benchmark.png")


def draw(folder: Path, picture: Path) -> None:
    """Draw the plot in its own environment; a page without a new picture is still a page."""
    picture.parent.mkdir(exist_ok=True)
    try:
        plot = [str(python_of("plot")), str(ROOT / "benchmarks" / "plot.py"), str(folder), str(picture)]
        subprocess.run(plot, cwd=ROOT, check=True)
        say(f"Wrote {picture}")
    except (NotInstalled, subprocess.CalledProcessError) as error:
        say(f"No plot: {error}")


def page(results: Mapping[str, Results]) -> str:
    """The whole of docs/benchmark.md."""
    ordered = sorted(results.values(), key=lambda found: int(found.about["order"]))
    parts = [_introduction(ordered), _promises(results)]
    parts += [_scenario(found) for found in ordered]
    parts += [_failures(ordered), ENDING]
    return "\n".join(part for part in parts if part)


def _introduction(ordered: list[Results]) -> str:
    first = ordered[0].about
    dates = sorted({found.about["date"] for found in ordered})
    return f"""# Modelport beside its peers

Written by `make bench` on {" and ".join(dates)}: {first["cores"]} cores, {first["system"]}, Python {first["python"]}. One worker process each; wrk
drives them from the same machine over keep-alive connections. In every round each contender is started afresh, answers
its rows exactly as the model does (a wrong answer is no figure), is warmed up for a second, and is then loaded for
{first["seconds"]} s at each load; the contenders take turns, and figures are medians over rounds, with the least and the most of them.
The machine is shared by server and load: trust the ratios, not the figures.

![Requests a second](images/benchmark.png)
"""


def _promises(results: Mapping[str, Results]) -> str:
    rows = []
    for promise, value in outcomes(results):
        bound = f"{'≥' if promise.is_floor else '≤'} {promise.bound:.3g}{promise.unit}"
        measured = "not measured" if value is None else f"{value:.3g}{promise.unit}"
        verdict = "" if value is None else "yes" if promise.kept(value) else "**no**"
        rows.append(f"| {promise.what} | {bound} | {measured} | {verdict} |")
    return "\n".join(
        [
            "## What is promised",
            "",
            "At 16 connections.",
            "",
            "| | promised | measured | kept |",
            "|---|---|---|---|",
            *rows,
            "",
            "How many of scikit-learn's estimators are compiled with proof (74 or more, none wrong) is held by a test,",
            "`tests/services/inference/compilation/test_sweep.py`.",
            "",
        ]
    )


def _scenario(found: Results) -> str:
    loads = list(found.about["loads"])
    main_load = "1x16" if "1x16" in loads else loads[0]
    names = sorted(found.measured, key=lambda name: -found.load(name, main_load, "rate").median)
    rows = [_row(found, name, main_load) for name in names]
    text = [f"## {found.about['title']}", "", f"{_spelled(main_load)}, {found.about['rounds']} rounds.", "", HEAD]
    text += ["|---|" + "---|" * 8, *rows, ""]
    if others := [load for load in loads if load != main_load]:
        text += _others(found, names, others)
    return "\n".join(text)


def _row(found: Results, name: str, load: str) -> str:
    rate, cold = found.load(name, load, "rate"), found.process(name, "cold")
    cells = [
        _label(found, name),
        f"{_number(rate.median)} ({_number(rate.low)}–{_number(rate.high)})",
        f"{found.load(name, load, 'p50').median:.2f}",
        f"{found.load(name, load, 'p99').median:.2f}",
        f"{found.load(name, load, 'worker').median:.0f} ({found.load(name, load, 'cpu').median:.0f})",
        _mebibytes(found.process(name, "rss")),
        _mebibytes(found.process(name, "pss")),
        f"{cold.median:.1f}",
        _ratio(found, name, load),
    ]
    return f"| {' | '.join(cells)} |"


def _others(found: Results, names: list[str], loads: list[str]) -> list[str]:
    head = "| | " + " | ".join(f"{_spelled(load)}: req/s, p50, p99 ms, Modelport ÷ it" for load in loads) + " |"
    rows = []
    for name in names:
        cells = []
        for load in loads:
            rate, p50, p99 = (found.load(name, load, what).median for what in ("rate", "p50", "p99"))
            cells.append(f"{_number(rate)}, {p50:.2f}, {p99:.2f}, {_ratio(found, name, load)}")
        rows.append(f"| {_label(found, name)} | {' | '.join(cells)} |")
    return [head, "|---|" + "---|" * len(loads), *rows, ""]


def _failures(ordered: list[Results]) -> str:
    lines = [
        f"- {found.about['labels'][name]} ({found.about['title']}): {reason}"
        for found in ordered
        for name, reason in found.failures.items()
    ]
    return "\n".join(["## Not measured", "", *lines, ""]) if lines else ""


def _label(found: Results, name: str) -> str:
    label: str = found.about["labels"][name]
    return f"**{label}**" if name == "modelport" else label


def _ratio(found: Results, name: str, load: str) -> str:
    if name == "modelport" or "modelport" not in found.measured:
        return ""
    return f"{found.ratio('modelport', name, load):.2f}"


def _spelled(load: str) -> str:
    rows, connections = load.split("x")
    return f"{rows} row{'' if rows == '1' else 's'}, {connections} connection{'' if connections == '1' else 's'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _mebibytes(figure: Figure) -> str:
    return f"{figure.median / 2**20:.0f}"


def about(scenario: Any, order: int) -> dict[str, Any]:
    """What a scenario's results say of themselves; results of other settings aren't gone on with."""
    import os
    import platform

    return {
        "title": scenario.title,
        "order": order,
        "labels": {contender.name: contender.label for contender in scenario.contenders},
        "loads": [f"{rows}x{connections}" for rows, connections in scenario.loads],
        "rounds": scenario.rounds,
        "seconds": scenario.seconds,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


ENDING = """## How to read it, and how to object

- *RSS* is the largest process's resident memory after the load; *all processes* adds those of supervisors, proxies and
  workers, pages that they share counted once. *Cold start* is from spawn to the first 200 on the prediction route.
- *CPU* is processor time for a request: of the busiest process, and of all of the contender's together; wrk's isn't in it.
- Modelport is exported by `modelport export` and served by `modelport serve --workers 1`, with a key, a rate limit that
  is never reached, the request log, metrics and validation. It answers classes with probabilities; the peers answer
  classes alone. The peers check no key, keep no log and count no limit.
- *The floor* is the least that can answer: one ASGI function on uvicorn that parses the body and runs the same
  compiled model (an ONNX graph; a single decision tree is walked in Python by both). *Stack off* is Modelport's own reader and predictor behind such a function, on uvicorn as it is. What the stack
  saves by answering in the server's protocol is set off against what it costs;
  [profile.md](profile.md) says what each part takes.
- Each peer is set up as its documentation advises for speed, in one small file under `benchmarks/peers/`, with the lock
  of its environment beside it. Batching that waits for company is off, as it is by default in each.
- `make bench` runs everything (under 40 minutes on two cores), goes on where it was interrupted, and writes this page;
  `make bench QUICK=1` runs the few that fit in 5 minutes and leaves this page alone. `python -m benchmarks.report`
  writes it again from `benchmarks/results/`.
"""


if __name__ == "__main__":
    main()
