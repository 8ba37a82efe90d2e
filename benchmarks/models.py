"""The models that every contender serves, trained and saved once, with rows to ask and the answers that are right.

`python -m benchmarks.models FOLDER` writes them; contenders read the files, never each other.
"""

import json
import sys
from pathlib import Path
from typing import Any

NUMBERS = 10
STEPS, CHANNELS = 24, 4
ROWS = 32
PLANS, REGIONS = ["free", "pro", "team"], ["north", "south", "east", "west"]


def main() -> None:
    """Write every model, its rows and its answers into the folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    _numeric(folder)
    _pipeline(folder)
    _lstm(folder)


def _numeric(folder: Path) -> None:
    import joblib
    from sklearn.datasets import make_classification
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    # Values that float32 holds exactly: a contender that computes in float32 must find the same side of each split.
    data, labels = make_classification(5000, NUMBERS, n_informative=6, n_classes=3, random_state=0)
    data = (data * 256).round() / 256
    estimators = {
        "tree": DecisionTreeClassifier(max_depth=10, random_state=0),
        "forest": RandomForestClassifier(100, random_state=0),
        "slow": make_pipeline(StandardScaler(), PolynomialFeatures(2), PCA(20), LogisticRegression(max_iter=500)),
    }
    for name, estimator in estimators.items():
        joblib.dump(estimator.fit(data, labels), folder / f"{name}.joblib")
        _write(folder, name, data[:ROWS].tolist(), estimator.predict(data[:ROWS]).tolist())


def _pipeline(folder: Path) -> None:
    import joblib
    import numpy as np
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    random = np.random.default_rng(0)
    count = 3000
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 90, count).astype(float),
            "spent": (random.gamma(2, 50, count) * 4).round() / 4,
            "visits": random.integers(0, 60, count).astype(float),
            "plan": random.choice(PLANS, count),
            "region": random.choice(REGIONS, count),
        }
    )
    score = frame["spent"] / 50 + (frame["plan"] == "pro") * 2 - frame["age"] / 40 + random.normal(0, 1, count)
    labels = np.where(score > score.median(), "stays", "leaves")
    columns = make_column_transformer(
        (StandardScaler(), ["age", "spent", "visits"]),
        (OneHotEncoder(handle_unknown="ignore"), ["plan", "region"]),
    )
    pipeline = make_pipeline(columns, GradientBoostingClassifier(random_state=0)).fit(frame, labels)
    joblib.dump(pipeline, folder / "pipeline.joblib")
    frame.head(200).to_csv(folder / "pipeline.csv", index=False)
    rows = frame.head(ROWS)
    _write(folder, "pipeline", rows.to_dict("records"), pipeline.predict(rows).tolist())


def _lstm(folder: Path) -> None:
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    layers = [keras.layers.LSTM(32), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((STEPS, CHANNELS)), *layers])
    series = (np.random.default_rng(0).normal(size=(ROWS, STEPS, CHANNELS)) * 256).round() / 256
    model.compile(loss="mse")
    model.save(folder / "lstm.keras")
    _write(folder, "lstm", series.tolist(), model.predict(series, verbose=0)[:, 0].tolist())


def _write(folder: Path, name: str, rows: list[Any], answers: list[Any]) -> None:
    (folder / f"{name}.json").write_text(json.dumps({"rows": rows, "answers": answers}))


if __name__ == "__main__":
    main()
