"""Takes turns: every round starts each contender afresh, checks its answers, loads it, weighs it and ends it.

What a round found is written down at once, so that an interrupted run goes on where it stopped.
"""

import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import wrk
from benchmarks.contenders import Contender, Start, environment
from benchmarks.exports import exported, save_for_mlflow, with_floor
from benchmarks.places import MODELS, cache, say
from benchmarks.process import Contending, free_port, post
from benchmarks.scenarios import Load, Scenario

Found = dict[str, Any]
LONGER = 5


def measure(scenario: Scenario, record: "Record", *, again: bool) -> Found:
    """Run what is missing of the scenario's rounds; all that was found."""
    starts = prepare(scenario, again=again)
    for number in range(scenario.rounds):
        for contender in scenario.contenders:
            if record.has(contender.name, number):
                continue
            found = take_turn(contender, scenario, starts[contender.name])
            record.add(contender.name, number, found)
            say(f"  {scenario.name} {number + 1}/{scenario.rounds}  {contender.label:36} {_brief(found)}")
    return record.found


class Record:
    """The rounds so far, as a file."""

    def __init__(self, path: Path, about: Found) -> None:
        self._path = path
        self.found: Found = {"about": about, "contenders": {}}
        if path.exists() and (kept := json.loads(path.read_text()))["about"] == about:
            self.found = kept

    @property
    def begun(self) -> bool:
        """Whether there is anything to go on from."""
        return bool(self.found["contenders"])

    def has(self, contender: str, number: int) -> bool:
        """Whether this round of the contender was run, or need not be because it can't be served by it."""
        rounds = self.found["contenders"].get(contender, [])
        return len(rounds) > number or any("error" in found for found in rounds)

    def add(self, contender: str, number: int, found: Found) -> None:
        """Keep a round."""
        self.found["contenders"].setdefault(contender, []).append(found)
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(self.found, indent=1))
        draft.replace(self._path)


def prepare(scenario: Scenario, *, again: bool) -> dict[str, Start]:
    """Export what Modelport serves; a Start for each contender, with the port still to come."""
    starts = {}
    names = [contender.name for contender in scenario.contenders]
    homes = {
        variant: exported(scenario.model, variant, again=again)
        for variant in sorted({contender.variant or scenario.variant for contender in scenario.contenders})
    }
    if "floor" in names:
        with_floor(homes[scenario.variant][0], scenario.model)
    if "mlflow" in names:
        save_for_mlflow(scenario.model)
    for contender in scenario.contenders:
        starts[contender.name] = Start(scenario.model, 0, *homes[contender.variant or scenario.variant])
    return starts


def take_turn(contender: Contender, scenario: Scenario, start: Start) -> Found:
    """One round of one contender; {"error": why} when it can't be measured."""
    start = Start(start.model, free_port(), start.home, start.exported)
    folder = cache("scratch", contender.name)
    try:
        command, variables = contender.command(start), environment(contender, start)
        with Contending(command, variables, folder, cache("logs") / f"{scenario.name}-{contender.name}.log") as running:
            return _drive(running, contender, scenario, start)
    except (RuntimeError, OSError, KeyError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:400]}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _drive(running: Contending, contender: Contender, scenario: Scenario, start: Start) -> Found:
    key = str(start.exported["api_key"]) if contender.keyed else None
    headers = {"Content-Type": contender.content_type, **({"X-API-Key": key} if key else {})}
    path = contender.path(start)
    body = body_file(contender, scenario, 1)
    cold, first = running.first_answer(start.port, path, body.read_bytes(), headers)
    check(contender.answers(first), right_answers(scenario.model)[:1])
    url = f"http://127.0.0.1:{start.port}{path}"
    kind = contender.content_type
    wrk.run(url, body, kind, key, 16, 1)  # warm
    loads: Found = {}
    for rows, connections in scenario.loads:
        body = body_file(contender, scenario, rows)
        status, answer = post(start.port, path, body.read_bytes(), headers)
        if status != 200:
            raise ValueError(f"{rows} rows: {status} {answer[:200]!r}")
        check(contender.answers(json.loads(answer)), right_answers(scenario.model)[:rows])
        before = running.cpu_seconds()
        load = wrk.run(url, body, kind, key, connections, scenario.seconds)
        if load.requests < connections:  # too slow for that: it gets longer
            before = running.cpu_seconds()
            load = wrk.run(url, body, kind, key, connections, scenario.seconds * LONGER)
        spent = [seconds - before.get(pid, 0.0) for pid, seconds in running.cpu_seconds().items()]
        if load.failed or not load.requests:
            raise ValueError(f"{rows} rows, {connections} connections: {load.failed} of {load.requests} failed")
        loads[name_of((rows, connections))] = {
            **asdict(load),
            "cpu": sum(spent) / load.requests * 1e6,
            "worker": max(spent) / load.requests * 1e6,
        }
    largest, together = running.memory()
    return {"cold": cold, "rss": largest, "pss": together, "loads": loads}


def name_of(load: Load) -> str:
    """A load's name in the results."""
    return f"{load[0]}x{load[1]}"


def body_file(contender: Contender, scenario: Scenario, rows: int) -> Path:
    """The file with the contender's body for that many rows."""
    asked = json.loads((MODELS / f"{scenario.model}.json").read_text())["rows"][:rows]
    path = cache("bodies") / f"{scenario.name}-{contender.name}-{rows}"
    body = contender.body(asked)
    path.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
    return path


def right_answers(model: str) -> list[Any]:
    """What the model itself answers to its rows."""
    answers: list[Any] = json.loads((MODELS / f"{model}.json").read_text())["answers"]
    return answers


def check(answers: list[Any], right: list[Any]) -> None:
    """ValueError unless the answers are the model's: the same labels, numbers within 1e-4."""
    flat = [_first(answer) for answer in answers]
    same = len(flat) == len(right) and all(_same(one, other) for one, other in zip(flat, right, strict=True))
    if not same:
        raise ValueError(f"answered {str(flat)[:120]}, the model says {str(right)[:120]}")


def _first(answer: Any) -> Any:
    if isinstance(answer, dict):
        return answer["label"]
    return answer[0] if isinstance(answer, list) else answer


def _same(one: Any, other: Any) -> bool:
    if isinstance(other, float):
        return math.isclose(float(one), other, rel_tol=1e-4, abs_tol=1e-4)
    return str(one) == str(other)


def _brief(found: Found) -> str:
    if "error" in found:
        return f"can't be measured: {found['error']}"
    load = found["loads"].get("1x16") or next(iter(found["loads"].values()))
    return f"{load['rate']:8.0f} req/s  p50 {load['p50']:7.2f} ms  {found['rss'] / 2**20:5.0f} MiB  up in {found['cold']:.1f} s"
