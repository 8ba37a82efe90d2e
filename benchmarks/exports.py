"""Modelport's side, made the ordinary way: each scenario's model exported by the command line into a home of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.environments import NotInstalled, python_of
from benchmarks.places import MODELS, PEERS, ROOT, say
from benchmarks.places import cache as folder_of

LIMIT = "1000000/second"
FULL = {"endpoints": 1_000, "keys": 100_000}
FILES = {"lstm": "lstm.keras", "image": "image.keras"}
OPTIONS = {"image": ["--input", "image"]}
_made: set[Path] = set()  # by this run


def exported(model: str, variant: str, *, again: bool) -> tuple[Path, dict[str, Any]]:
    """The home of a model's endpoint and what `export` said; made anew when asked for, or when it isn't there.

    The variants "endpoints" and "keys" are copies of the plain one with a full registry.
    """
    home = folder_of("homes") / (f"{model}-{variant}" if variant else model)
    said = home / "exported.json"
    if (again and home not in _made) or not said.exists():
        _made.add(home)
        shutil.rmtree(home, ignore_errors=True)
        if variant in FULL:
            _fill(home, model, variant)
        else:
            home.mkdir()
            said.write_text(json.dumps(_export(home, model, compiled=variant != "original")))
    return home, json.loads(said.read_text())


def _fill(home: Path, model: str, what: str) -> None:
    plain, _ = exported(model, "", again=False)
    say(f"Filling a registry with {FULL[what]:,} {what}")
    shutil.copytree(plain, home, symlinks=True)
    _run([sys.executable, "-m", "benchmarks.fill", what, str(FULL[what])], _variables(home))


def with_floor(home: Path, model: str) -> None:
    """Put what the floor runs beside the export: the export's own compiled model, or a graph converted for it."""
    if (home / "floor").exists():
        return
    own = sorted(path for end in ("onnx", "json") for path in (home / "bentoml" / "models").glob(f"*/*/*.{end}"))
    if own:
        shutil.copy(own[-1], home / "floor")
        return
    graph = home / "floor.onnx"
    _run([sys.executable, str(PEERS / "floor" / "convert.py"), str(MODELS / _file(model)), str(graph)], {})
    graph.rename(home / "floor")


def save_for_mlflow(model: str) -> None:
    """Save the model in MLflow's own format, with MLflow's own environment."""
    try:
        python = str(python_of("mlflow"))
        target = folder_of("mlflow") / model
        _run([python, str(PEERS / "mlflow" / "save.py"), str(MODELS / _file(model)), str(target)], {})
    except (NotInstalled, SystemExit) as error:
        say(f"MLflow can't take the {model} model: {error}")


def _export(home: Path, model: str, *, compiled: bool) -> dict[str, Any]:
    say(f"Exporting the {model} model{'' if compiled else ', not compiled'}")
    command = ["export", str(MODELS / _file(model)), "--name", model, "--rate-limit", LIMIT, "-o", "json"]
    if _file(model).endswith(".joblib"):
        command.append("--allow-pickle")
    if (sample := MODELS / f"{model}.csv").exists():
        command += ["--sample", str(sample)]
    command += OPTIONS.get(model, [])
    if not compiled:
        command.append("--no-compile")
    found: dict[str, Any] = json.loads(_run([sys.executable, "-m", "cli.main", *command], _variables(home)))
    return {**found, "path": f"/api/predict/{found['endpoint']}"}


def _variables(home: Path) -> dict[str, str]:
    return {"MODELPORT_HOME": str(home / "modelport"), "BENTOML_HOME": str(home / "bentoml")}


def _file(model: str) -> str:
    return FILES.get(model, f"{model}.joblib")


def _run(command: list[str], variables: dict[str, str]) -> str:
    environment = {**os.environ, "BENTOML_DO_NOT_TRACK": "true", "TF_CPP_MIN_LOG_LEVEL": "3", **variables}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[-4:])}: {done.stderr.strip()[-500:]}")
    return done.stdout
