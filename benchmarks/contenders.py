"""How each contender is started, asked and read. What it runs stands in its folder under peers/."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import python_of
from benchmarks.places import MODELS, PEERS, ROOT, cache
from benchmarks.process import free_port

Rows = list[Any]


@dataclass(frozen=True)
class Start:
    """What a contender is started for: a model, a port, and the folder of Modelport's export."""

    model: str
    port: int
    home: Path
    exported: Mapping[str, Any]


@dataclass(frozen=True)
class Contender:
    """One server: its command, the environment variables it needs, where it answers and in which shapes."""

    name: str
    label: str
    command: Callable[[Start], list[str]]
    variables: Callable[[Start], Mapping[str, str]] = lambda start: {}
    path: Callable[[Start], str] = lambda start: "/predict"
    body: Callable[[Rows], Any] = lambda rows: {"rows": rows}
    answers: Callable[[Any], Rows] = lambda document: document["predictions"]
    keyed: bool = False
    peer: bool = True
    variant: str = ""  # of the export: "original" (not compiled), "endpoints" or "keys" (a full registry)


def environment(contender: Contender, start: Start) -> dict[str, str]:
    """The contender's environment: this one's, without what belongs to this Python, and its own variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    common = {
        "BENCH_MODELS": str(MODELS),
        "BENCH_MODEL": start.model,
        "BENCH_PORT": str(start.port),
        "PYTHONPATH": str(PEERS),
        "BENTOML_DO_NOT_TRACK": "true",
        "DO_NOT_TRACK": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    return {**inherited, **common, **contender.variables(start)}


def _tool(peer: str, name: str) -> str:
    return str(python_of(peer).parent / name)


def fastapi(variant: str, label: str) -> Contender:
    """FastAPI on uvicorn[standard]."""
    return Contender(
        f"fastapi-{variant.replace(' ', '-')}",
        label,
        lambda start: [
            _tool("fastapi", "uvicorn"), "app:app", "--app-dir", str(PEERS / "fastapi"), "--port", str(start.port),
            "--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools",
        ],
        lambda start: {"BENCH_VARIANT": variant},
    )  # fmt: skip


def bentoml(variant: str, label: str) -> Contender:
    """BentoML by its defaults, in a home of its own."""
    return Contender(
        f"bentoml-{variant.replace(' ', '-')}",
        label,
        lambda start: [
            _tool("bentoml", "bentoml"), "serve", "service:Service", "--working-dir", str(PEERS / "bentoml"),
            "--host", "127.0.0.1", "--port", str(start.port),
        ],
        lambda start: {
            "BENCH_VARIANT": variant,
            "BENTOML_HOME": str(cache("bentoml-home")),
            "PATH": f"{python_of('bentoml').parent}{os.pathsep}{os.environ['PATH']}",
        },
        answers=lambda document: document,
    )  # fmt: skip


def litserve(variant: str, label: str) -> Contender:
    """LitServe."""
    return Contender(
        "litserve",
        label,
        lambda start: [str(python_of("litserve")), str(PEERS / "litserve" / "server.py")],
        lambda start: {"BENCH_VARIANT": variant},
    )


def _mlserver_variables(start: Start) -> dict[str, str]:
    return {
        "MLSERVER_HTTP_PORT": str(start.port),
        "MLSERVER_GRPC_PORT": str(free_port()),
        "MLSERVER_METRICS_PORT": str(free_port()),
        "MLSERVER_MODEL_NAME": "bench",
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_sklearn.SKLearnModel",
        "MLSERVER_MODEL_URI": str(MODELS / f"{start.model}.joblib"),
    }


def _v2(rows: Rows) -> dict[str, Any]:
    numbers = [number for row in rows for number in row]
    shape = [len(rows), len(rows[0])]
    return {"inputs": [{"name": "rows", "shape": shape, "datatype": "FP64", "data": numbers}]}


MLSERVER = Contender(
    "mlserver",
    "MLServer",
    lambda start: [_tool("mlserver", "mlserver"), "start", str(PEERS / "mlserver")],
    _mlserver_variables,
    path=lambda start: "/v2/models/bench/infer",
    body=_v2,
    answers=lambda document: document["outputs"][0]["data"],
)

RAY = Contender(
    "ray",
    "Ray Serve",
    lambda start: [str(python_of("ray")), str(PEERS / "ray" / "app.py")],
    lambda start: {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_USAGE_STATS_ENABLED": "0"},
)

MLFLOW = Contender(
    "mlflow",
    "MLflow models serve",
    lambda start: [
        _tool("mlflow", "mlflow"), "models", "serve", "-m", str(cache("mlflow") / start.model), "-p", str(start.port),
        "-w", "1", "--env-manager", "local",
    ],
    lambda start: {
        "PATH": f"{python_of('mlflow').parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{cache('mlflow')}/tracking.db",
    },
    path=lambda start: "/invocations",
    body=lambda rows: {"inputs": rows},
)  # fmt: skip

FLOOR = Contender(
    "floor",
    "the floor (bare ASGI, same compiled model)",
    lambda start: [sys.executable, str(PEERS / "floor" / "app.py"), str(start.home / "floor"), str(start.port)],
    peer=False,
)


def _home(start: Start) -> dict[str, str]:
    return {
        "MODELPORT_HOME": str(start.home / "modelport"),
        "BENTOML_HOME": str(start.home / "bentoml"),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }


def _answer(found: Any) -> Any:
    if isinstance(found, dict):
        return found["label"] if "label" in found else next(iter(found.values()))
    return found


def modelport(name: str, label: str, variant: str = "") -> Contender:
    """The hub as `modelport serve` starts it: key, limit, log, metrics and validation on."""
    return Contender(
        name,
        label,
        lambda start: [sys.executable, "-m", "cli.main", "serve", "--workers", "1", "--port", str(start.port)],
        _home,
        path=lambda start: str(start.exported["path"]),
        body=lambda rows: {"instances": rows},
        answers=lambda document: [_answer(found) for found in document["predictions"]],
        keyed=True,
        peer=False,
        variant=variant,
    )


def _bare_variables(start: Start) -> dict[str, str]:
    metrics = cache("scratch", "metrics", str(start.port))
    return {**_home(start), "PROMETHEUS_MULTIPROC_DIR": str(metrics)}


BARE = Contender(
    "bare",
    "Modelport's predictor, stack off",
    lambda start: [
        sys.executable, str(PEERS / "modelport" / "bare.py"), str(start.exported["endpoint"]), str(start.port),
    ],
    _bare_variables,
    body=lambda rows: {"instances": rows},
    answers=lambda document: [_answer(found) for found in document["predictions"]],
    peer=False,
)  # fmt: skip

MODELPORT = modelport("modelport", "Modelport, whole stack")
ORIGINAL = modelport("modelport-original", "Modelport, model not compiled", "original")
ENDPOINTS = modelport("endpoints", "Modelport with 1,000 endpoints", "endpoints")
KEYS = modelport("keys", "Modelport with 100,000 keys", "keys")
