"""The models that every contender serves, trained and saved once, with rows to ask and the answers that are right.

`python -m benchmarks.models FOLDER` writes them; contenders read the files, never each other.
"""

import json
import sys
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

NUMBERS = 10
STEPS, CHANNELS = 24, 4
ROWS = 32
SIDE, KINDS = 96, 6
PLANS, REGIONS = ["free", "pro", "team"], ["north", "south", "east", "west"]


def main() -> None:
    """Write every model, its rows and its answers into the folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    _numeric(folder)
    _pipeline(folder)
    _lstm(folder)
    _image(folder)


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


def _image(folder: Path) -> None:
    """MobileNetV2 as transfer learning leaves it (random weights below a fitted head), and JPEGs of screenshots' size."""
    import keras
    import numpy as np
    from PIL import Image
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    base = keras.applications.MobileNetV2((SIDE, SIDE, 3), alpha=0.35, include_top=False, weights=None, pooling="avg")
    features = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs))
    kinds = np.arange(4 * ROWS) % KINDS
    shots = [_jpeg(int(kind), seed) for seed, kind in enumerate(kinds)]
    pixels = np.stack([np.asarray(Image.open(BytesIO(shot)).convert("RGB").resize((SIDE, SIDE))) for shot in shots])
    seen = keras.Model(inputs, features).predict(pixels, verbose=0)
    scale, head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(seen, kinds)
    weights = head.coef_.T / scale.scale_[:, None]
    dense = keras.layers.Dense(KINDS, activation="softmax")
    model = keras.Model(inputs, dense(features))
    dense.set_weights([weights, head.intercept_ - scale.mean_ @ weights])
    model.save(folder / "image.keras")
    answers = model.predict(pixels[:ROWS], verbose=0).argmax(axis=1).tolist()
    _write(folder, "image", [b64encode(shot).decode() for shot in shots[:ROWS]], answers)


def _jpeg(kind: int, seed: int) -> bytes:
    """A picture of 1280 by 720 in which bars of one direction and colour stand before a noisy sky."""
    import numpy as np
    from PIL import Image, ImageDraw

    random = np.random.default_rng(seed)
    sky = np.linspace(60, 200, 720)[:, None, None] + random.normal(0, 4, (720, 1280, 3))
    image = Image.fromarray(sky.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for left, top in random.integers(0, 900, (40, 2)).tolist():
        wide, high = ((260, 30), (30, 260))[kind % 2]
        draw.rectangle(
            (left, top, left + wide, top + high), fill=((200, 40, 40), (40, 180, 60), (40, 60, 200))[kind // 2]
        )
    out = BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def _write(folder: Path, name: str, rows: list[Any], answers: list[Any]) -> None:
    (folder / f"{name}.json").write_text(json.dumps({"rows": rows, "answers": answers}))


if __name__ == "__main__":
    main()
