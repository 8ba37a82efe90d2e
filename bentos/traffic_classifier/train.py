"""Train the traffic classifier and save it to BentoML's model store: `python -m bentos.traffic_classifier.train --help`."""

import os
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from bentos import plots
from bentos.held_out import Report
from bentos.traffic_classifier.columns import columns
from bentos.traffic_classifier.data import generate
from bentos.traffic_classifier.features import CATEGORIES, FEATURES, LABEL, NAMES, NUMERIC
from bentos.traffic_classifier.reading import read_csv

MODEL_NAME = "traffic_classifier"
HELD_OUT = 0.2
SAMPLE = 500  # flows that the compiled model is proved on, beside those made for the proof
MIN_ROWS_PER_CLASS = 5  # so that each class has a held-out row


def build(seed: int) -> Pipeline:
    """The untrained pipeline: only scikit-learn's own parts, so that it loads and converts without this package."""
    # An unknown category is a mistake of the caller, not a flow to guess about: refuse it.
    categories = OneHotEncoder(categories=[*CATEGORIES.values()], handle_unknown="error", sparse_output=False)
    # No measurement is negative: -1 lets the tree part "undefined" from every value with one question.
    numbers = SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True)
    columns = ColumnTransformer([("categories", categories, [*CATEGORIES]), ("numbers", numbers, NUMERIC)])
    # A probability is a leaf's share of flows: smaller leaves score a little higher and claim certainty more often.
    tree = DecisionTreeClassifier(max_depth=8, min_samples_leaf=30, random_state=seed)
    return Pipeline([("columns", columns), ("tree", tree)])


def train(frame: pd.DataFrame, seed: int) -> tuple[Pipeline, Report]:
    """Fit on four fifths of `frame`, measure on the rest (same class shares), and return the pipeline that was measured."""
    counts = frame[LABEL].value_counts()
    if len(counts) < 2 or counts.min() < MIN_ROWS_PER_CLASS:
        raise ValueError(f"{LABEL}: expected two classes or more, {MIN_ROWS_PER_CLASS} rows or more of each")
    fitted, held_out = train_test_split(frame, test_size=HELD_OUT, stratify=frame[LABEL], random_state=seed)
    pipeline = build(seed).fit(fitted[NAMES], fitted[LABEL])
    classes = tuple(str(name) for name in pipeline.classes_)
    confusion = confusion_matrix(held_out[LABEL], pipeline.predict(held_out[NAMES]), labels=pipeline.classes_)
    return pipeline, Report(classes, confusion, len(fitted), "flows")


def save(pipeline: Pipeline, report: Report, frame: pd.DataFrame, source: str) -> str:
    """Save to BentoML's model store, compiled where that is proved, and return the tag, `traffic_classifier:<version>`."""
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")  # read when bentoml is imported
    from services.packaging.save_model import save_model  # slow to import, and not needed to train

    metadata = {
        "accuracy": round(report.accuracy, 4),
        "classes": [*report.classes],
        "features": NAMES,
        "rows": report.trained + report.held_out,
        "data": source,
    }
    sample = _sample(frame)
    return save_model(MODEL_NAME, pipeline, sample, framework="sklearn", metadata=metadata, report=_progress).tag


def _sample(frame: pd.DataFrame) -> pd.DataFrame:
    """Flows as requests may bring them, one of them undefined wherever a flow may be."""
    nothing = dict.fromkeys((feature.name for feature in FEATURES if feature.nullable), np.nan)
    return pd.concat([frame[NAMES].head(SAMPLE), frame[NAMES].head(1).assign(**nothing)], ignore_index=True)


def main(
    data: Annotated[Path | None, typer.Option(help="CSV of your own flows; without it, synthetic ones.")] = None,
    names: Annotated[
        str | None, typer.Option("--columns", help="Whose columns it has: cicflowmeter, or a JSON file.")
    ] = None,
    rows: Annotated[int, typer.Option(min=100, help="How many synthetic flows.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="For the synthetic flows and the split.")] = 7,
    out: Annotated[
        Path | None, typer.Option(help="Also write the pipeline, sample rows and the confusion plot here.")
    ] = None,
) -> None:
    """Train the traffic classifier, report on held-out flows, save it to BentoML's model store and print its tag."""
    started = time.monotonic()
    try:
        if out:
            plots.require()
        frame = _flows(data, names) if data or names else generate(rows, seed)
        _progress(f"{len(frame)} flows {'from ' + str(data) if data else 'generated'}")
        pipeline, report = train(frame, seed)
        if out:
            _write(out, pipeline, frame, report)
    except (OSError, ValueError) as error:
        _progress(f"error: {error}")
        raise typer.Exit(2) from None
    _progress(f"trained on {report.trained} flows")
    tag = save(pipeline, report, frame, data.name if data else f"synthetic, seed {seed}")
    _progress(f"done in {time.monotonic() - started:.1f} s")
    typer.echo(f"{report}\n\n{tag}")


def _flows(data: Path | None, names: str | None) -> pd.DataFrame:
    if data is None:
        raise ValueError("--columns says how to read a CSV: name it with --data")
    return read_csv(data, columns(names) if names else None, _progress)


def _write(folder: Path, pipeline: Pipeline, frame: pd.DataFrame, report: Report) -> None:
    """Write the pipeline as a file, 100 flows without their labels as the sample that describes its input, and the plot."""
    import joblib

    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(pipeline, folder / f"{MODEL_NAME}.joblib")
    frame[NAMES].head(100).to_csv(folder / "sample.csv", index=False)
    title = f"{report.accuracy:.1%} of {report.held_out:,} held-out flows are right"
    plots.confusion_matrix(report.confusion, report.classes, folder / "confusion.png", title)


def _progress(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    typer.run(main)
