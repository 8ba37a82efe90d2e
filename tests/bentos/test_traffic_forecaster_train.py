"""The command line trains on weeks or on a CSV and writes what it says; a wrong file is one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from bentos.traffic_forecaster.data import generate
from bentos.traffic_forecaster.train import main

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_command_trains_on_your_csv_and_saves(tmp_path: Path) -> None:
    generate(2, 3).reset_index().to_csv(tmp_path / "series.csv", index=False)
    arguments = ["--data", str(tmp_path / "series.csv"), "--out", str(tmp_path / "out"), "--epochs", "1"]
    command = [sys.executable, "-m", "bentos.traffic_forecaster.train", *arguments]
    env = os.environ | {"BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "true"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    name, version = done.stdout.splitlines()[-1].split(":")
    assert name == "traffic_forecaster" and "14 days from" in done.stderr
    assert all(method in done.stdout for method in ("LSTM", "ridge", "seasonal-naive, day", "seasonal-naive, week"))
    assert "data: series.csv" in (tmp_path / "bentoml" / "models" / name / version / "model.yaml").read_text()
    written = {path.name for path in (tmp_path / "out").iterdir()}
    plots = {"errors.png", "week-bytes.png", "week-flows.png", "week-latency_ms.png"}
    assert written == plots | {"traffic_forecaster.keras", "series.csv", "sample.npz"}
    for plot in plots:
        with Image.open(tmp_path / "out" / plot) as picture:
            assert picture.width > 800 and len(set(picture.convert("L").tobytes())) > 20


@pytest.mark.parametrize("content", [None, "", "time,bytes\n2026-03-02,1\n"])
def test_a_wrong_data_file_is_one_line_and_exit_code_2(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "series.csv"
    if content is not None:
        path.write_text(content)
    app = typer.Typer()
    app.command()(main)
    done = CliRunner(env={"BENTOML_HOME": str(tmp_path / "bentoml")}).invoke(app, ["--data", str(path)])
    assert done.exit_code == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and "series.csv" in line
    assert not (tmp_path / "bentoml" / "models" / "traffic_forecaster").exists()
