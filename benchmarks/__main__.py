"""`python -m benchmarks [--quick] [--only NAME,…] [--rounds N] [--seconds N] [--fresh]`: runs, then writes the pages."""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.environments import NotInstalled, peers, python_of
from benchmarks.places import CACHE, MODELS, RESULTS, ROOT, cache, say
from benchmarks.profiling import profile
from benchmarks.report import about
from benchmarks.rounds import Record, measure
from benchmarks.scenarios import SCENARIOS, Scenario, quick
from benchmarks.wrk import require_wrk


def main() -> None:
    """Prepare what is missing, run each scenario, publish its results, write the pages."""
    chosen = arguments()
    require_wrk()
    started = time.monotonic()
    if not chosen.quick:  # else as they are needed
        make_environments()
    make_models()
    target = cache("quick") if chosen.quick else RESULTS
    names = chosen.only.split(",") if chosen.only else None
    for scenario in scenarios(chosen):
        if names is None or scenario.name in names:
            run(scenario, target, chosen)
            write_pages(target, chosen)  # each time: the committed pages say what the committed results say
    if names is None or "profile" in names:
        run_profile(target, 4 if chosen.quick else 12)
        write_pages(target, chosen)
    if chosen.quick:
        say((cache("quick", "pages") / "benchmark.md").read_text())
    say(f"Took {(time.monotonic() - started) / 60:.1f} minutes")


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few contenders, under 5 minutes; leaves docs/ alone")
    parser.add_argument(
        "--only", help="scenarios, separated by commas: tree, forest, pipeline, lstm, slow, growth, profile"
    )
    parser.add_argument("--rounds", type=int, help="rounds of each contender")
    parser.add_argument("--seconds", type=int, help="seconds of each load")
    parser.add_argument("--fresh", action="store_true", help="forget an interrupted run")
    return parser.parse_args()


def scenarios(chosen: argparse.Namespace) -> list[Scenario]:
    """The scenarios of this run, with what the command line changes."""
    changes = {name: value for name in ("rounds", "seconds") if (value := getattr(chosen, name))}
    return [replace(scenario, **changes) for scenario in (quick() if chosen.quick else SCENARIOS)]


def make_environments() -> None:
    """Make what is missing; a peer that can't be installed is reported where it would have been measured."""
    for peer in peers():
        try:
            python_of(peer)
        except NotInstalled as error:
            say(f"{peer} can't be installed: {error}")


def make_models() -> None:
    """Train the models again if what trains them has changed."""
    source, stamp = Path(__file__).with_name("models.py").read_text(), cache("models") / "source"
    if not stamp.exists() or stamp.read_text() != source:
        say("Training the models")
        subprocess.run(
            [sys.executable, "-m", "benchmarks.models", str(MODELS)], cwd=ROOT, check=True, capture_output=True
        )
        stamp.write_text(source)


def run(scenario: Scenario, target: Path, chosen: argparse.Namespace) -> None:
    """Measure one scenario, going on where an interrupted run of the same settings stopped, and publish it when complete."""
    say(f"{scenario.title}: {len(scenario.contenders)} contenders, {scenario.rounds} rounds")
    path = cache("run-quick" if chosen.quick else "run") / f"{scenario.name}.json"
    if chosen.fresh:
        path.unlink(missing_ok=True)
    record = Record(path, about(scenario, ORDER.index(scenario.name)))
    if record.begun:
        say("  going on with the run that was interrupted (--fresh forgets it)")
    found = measure(scenario, record, again=not record.begun)
    found["about"]["date"] = today()
    target.mkdir(parents=True, exist_ok=True)
    (target / path.name).write_text(json.dumps(found, indent=1) + "\n")
    path.unlink()


def run_profile(target: Path, seconds: int) -> None:
    """Measure and publish the profile."""
    say(f"Profile: {seconds} s")
    try:
        found = profile(seconds)
    except (RuntimeError, OSError, ValueError) as error:
        say(f"  can't be measured: {error}")
        return
    target.mkdir(parents=True, exist_ok=True)
    (target / "profile.json").write_text(json.dumps({"date": today(), **found}, indent=1) + "\n")


def write_pages(target: Path, chosen: argparse.Namespace) -> None:
    """Render what there is: into docs/, or for a quick run beside its results."""
    pages = [str(target), str(cache("quick", "pages"))] if chosen.quick else []
    subprocess.run([sys.executable, "-m", "benchmarks.report", *pages], cwd=ROOT, check=True)


def today() -> str:
    """The date, in UTC."""
    return datetime.now(UTC).date().isoformat()


ORDER = tuple(scenario.name for scenario in SCENARIOS)

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # contenders are ended on the way out
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted: `make bench` goes on from here")
    finally:
        shutil.rmtree(CACHE / "scratch", ignore_errors=True)
