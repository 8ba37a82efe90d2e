"""The benchmark's model, exported the ordinary way, and small helpers to start servers on it."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NUMBERS = 10
BODY = json.dumps({"features": [0.5 + index / 10 for index in range(NUMBERS)]})


def prepare(folder: Path) -> dict[str, Any]:
    """Train, save and export a Pipeline whose own prediction takes some hundreds of microseconds."""
    import joblib
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, labels = make_classification(2000, NUMBERS, random_state=0)
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels), folder / "bench.joblib")
    arguments = [
        "export",
        str(folder / "bench.joblib"),
        "--allow-pickle",
        "--rate-limit",
        "1000000/second",
        "-o",
        "json",
    ]
    done = subprocess.run([sys.executable, "-m", "cli.main", *arguments], capture_output=True, check=True)
    exported: dict[str, Any] = json.loads(done.stdout)
    return {**exported, "path": f"/api/predict/{exported['endpoint']}", "seconds_per_row": seconds_per_row(exported)}


def seconds_per_row(exported: dict[str, Any]) -> float:
    """What the export measured."""
    arguments = [sys.executable, "-m", "cli.main", "show", exported["endpoint"], "-o", "json"]
    shown = json.loads(subprocess.run(arguments, capture_output=True, check=True).stdout)
    return float(shown["report"]["seconds_per_row"])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Return once somebody listens on the port."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on {port}")
