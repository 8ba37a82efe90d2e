"""The classifier learns something that neither guessing nor one question finds, and the command line says what it did."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import typer
from PIL import Image
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier
from typer.testing import CliRunner, Result

from bentos.held_out import Report
from bentos.traffic_classifier.data import generate
from bentos.traffic_classifier.features import CLASSES, FEATURES, LABEL, NAMES, NUMERIC
from bentos.traffic_classifier.train import build, main, save, train
from services.inference.stored import load_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trained() -> tuple[Pipeline, Report]:
    return train(generate(20_000, 7), 7)


@pytest.fixture(scope="module")
def fresh() -> pd.DataFrame:
    """Flows of another seed: held out by construction."""
    return generate(5000, 8)


def test_accuracy_is_high_and_not_perfect(trained: tuple[Pipeline, Report], fresh: pd.DataFrame) -> None:
    pipeline, report = trained
    assert 0.93 < report.accuracy < 0.99
    assert 0.93 < pipeline.score(fresh[NAMES], fresh[LABEL]) < 0.99
    assert min(report.recall) > 0.9 and min(report.precision) > 0.9


def test_it_beats_guessing_and_every_single_feature(trained: tuple[Pipeline, Report], fresh: pd.DataFrame) -> None:
    pipeline, _ = trained
    accuracy = pipeline.score(fresh[NAMES], fresh[LABEL])
    majority = fresh[LABEL].value_counts(normalize=True).max()
    flows = generate(5000, 7)
    stumps = [
        DecisionTreeClassifier(max_leaf_nodes=len(CLASSES), random_state=0)
        .fit(flows[[name]].fillna(-1), flows[LABEL])
        .score(fresh[[name]].fillna(-1), fresh[LABEL])
        for name in NUMERIC
    ]
    assert majority < 0.21
    assert max(stumps) < accuracy - 0.15, "one feature would do"


def test_training_again_gives_the_same_tree(trained: tuple[Pipeline, Report], fresh: pd.DataFrame) -> None:
    again, report = train(generate(20_000, 7), 7)
    assert np.array_equal(again.predict_proba(fresh[NAMES]), trained[0].predict_proba(fresh[NAMES]))
    assert np.array_equal(report.confusion, trained[1].confusion)


def test_probabilities_are_shares_and_some_are_in_doubt(trained: tuple[Pipeline, Report], fresh: pd.DataFrame) -> None:
    probabilities = trained[0].predict_proba(fresh[NAMES])
    assert probabilities.shape == (len(fresh), len(CLASSES))
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.max(axis=1) < 1).mean() > 0.2


def test_an_unknown_category_is_refused(trained: tuple[Pipeline, Report], fresh: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="unknown categories"):
        trained[0].predict(fresh[NAMES].head(2).assign(protocol="sctp"))


def test_a_flow_of_one_packet_is_classified(trained: tuple[Pipeline, Report], fresh: pd.DataFrame) -> None:
    single = fresh[NAMES].head(1).assign(**{name: np.nan for name in NAMES if name.startswith("inter_arrival")})
    assert trained[0].predict(single)[0] in CLASSES


def test_the_pipeline_needs_nothing_but_scikit_learn(trained: tuple[Pipeline, Report]) -> None:
    foreign = skops.io.get_untrusted_types(data=skops.io.dumps(trained[0]))
    assert {name.split(".")[0] for name in foreign} <= {"numpy", "sklearn"}


def test_a_category_that_the_data_lacks_keeps_its_place() -> None:
    flows = generate(500, 1)
    pipeline = build(0).fit(flows[flows["protocol"] == "udp"][NAMES], flows[flows["protocol"] == "udp"][LABEL])
    assert len(pipeline.predict(flows[NAMES])) == 500


def test_a_class_of_one_row_is_refused() -> None:
    with pytest.raises(ValueError, match="two classes or more, 5 rows or more"):
        train(generate(100, 1).replace({LABEL: {"voip": "gaming"}}).query("label == 'gaming'"), 1)
    with pytest.raises(ValueError, match="5 rows or more"):
        train(generate(24, 1), 1)


def test_the_report_counts_by_hand() -> None:
    report = Report(("a", "b"), np.array([[8, 2], [0, 0]]), 40, "flows")
    assert (report.accuracy, report.held_out) == (0.8, 10)
    assert report.precision == (1.0, 0.0) and report.recall == (0.8, 0.0)
    lines = str(report).splitlines()
    assert lines[0] == "accuracy 0.800 on 10 held-out flows"
    assert lines[3].split() == ["a", "8", "2", "1.000", "0.800"]
    assert len({len(line) for line in lines[2:]}) == 1, "the table is aligned"


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bentos.traffic_classifier.train", *arguments]
    env = os.environ | {"BENTOML_HOME": str(home / "bentoml"), "BENTOML_DO_NOT_TRACK": "true"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_trains_on_your_csv_and_saves(tmp_path: Path) -> None:
    generate(1000, 3).to_csv(tmp_path / "flows.csv", index=False)
    done = run(tmp_path, "--data", str(tmp_path / "flows.csv"), "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    *_, tag = done.stdout.splitlines()
    name, version = tag.split(":")
    assert name == "traffic_classifier"
    assert "accuracy 0." in done.stdout and "true \\ predicted" in done.stdout
    assert "1000 flows from" in done.stderr and "accuracy" not in done.stderr

    model = (tmp_path / "bentoml" / "models" / name / version / "model.yaml").read_text()
    assert "data: flows.csv" in model and "rows: 1000" in model and "runtime: onnx" in model
    assert "compiled (onnx) and proved" in done.stderr
    sample = pd.read_csv(tmp_path / "out" / "sample.csv")
    assert list(sample.columns) == NAMES
    pipeline = joblib.load(tmp_path / "out" / "traffic_classifier.joblib")
    assert len(pipeline.predict(sample)) == len(sample) == 100
    with Image.open(tmp_path / "out" / "confusion.png") as plot:
        assert plot.format == "PNG" and min(plot.size) > 400


def test_what_is_served_is_compiled_and_gives_the_pipelines_own_numbers(
    trained: tuple[Pipeline, Report], fresh: pd.DataFrame
) -> None:
    pipeline, report = trained
    model = load_model(save(pipeline, report, fresh, "test"))
    rows = [tuple(None if value != value else value for value in row) for row in fresh[NAMES].itertuples(index=False)]
    served = model.predict(rows)
    assert model.metadata["runtime"] != "sklearn"
    assert [row["label"] for row in served] == pipeline.predict(fresh[NAMES]).tolist()
    assert [list(row["probabilities"].values()) for row in served] == pipeline.predict_proba(fresh[NAMES]).tolist()


def test_what_may_be_undefined_may_be_so_in_every_request(trained: tuple[Pipeline, Report]) -> None:
    """Though none of the flows it was trained on was."""
    whole = generate(2000, 3).dropna()
    model = load_model(save(*train(whole, 3), whole, "test"))
    nullable = {field.name for field in model.signature.inputs if field.nullable}
    assert nullable == {feature.name for feature in FEATURES if feature.nullable}


def command(tmp_path: Path, *arguments: str) -> Result:
    """The command line, in this process."""
    app = typer.Typer()
    app.command()(main)
    return CliRunner(env={"BENTOML_HOME": str(tmp_path / "bentoml")}).invoke(app, list(arguments))


@pytest.mark.parametrize("content", [None, "", "duration_s\n1\n"])
def test_a_wrong_data_file_is_one_line_and_exit_code_2(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "flows.csv"
    if content is not None:
        path.write_text(content)
    done = command(tmp_path, "--data", str(path))
    assert done.exit_code == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and "flows.csv" in line
    assert not (tmp_path / "bentoml" / "models" / "traffic_classifier").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "flows.csv", "--columns", "cicflowmeter"], "flows.csv: missing columns: protocol (Protocol), "),
        (["--data", "flows.csv", "--columns", "netflow"], "netflow: expected cicflowmeter or a JSON file"),
        (["--columns", "cicflowmeter"], "--columns says how to read a CSV: name it with --data"),
    ],
)
def test_a_wrong_mapping_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flows.csv").write_text("duration_s\n1\n")
    done = command(tmp_path, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {said}")


def test_without_matplotlib_nothing_is_trained_for_a_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = command(tmp_path, "--rows", "200", "--out", str(tmp_path / "out"))
    assert (done.exit_code, done.stderr) == (2, 'error: plots need matplotlib: pip install "modelport[plots]"\n')
    assert not (tmp_path / "out").exists()
