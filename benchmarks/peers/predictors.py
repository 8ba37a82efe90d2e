"""What every peer calls: the model file as it was saved, and a function from rows to a list of answers.

BENCH_MODELS is the folder, BENCH_MODEL the name. `tf.function` stands for a Keras user who knows not to call `predict`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODEL = os.environ["BENCH_MODEL"]
FILE = Path(os.environ["BENCH_MODELS"], MODEL)
TRACED = "tf.function" in os.environ.get("BENCH_VARIANT", "")
Predict = Callable[[list[Any]], list[Any]]


def load() -> Predict:
    """The predictor of this run's model."""
    if MODEL == "lstm":
        return _keras()
    import joblib
    import numpy as np

    model = joblib.load(FILE.with_suffix(".joblib"))
    if MODEL == "pipeline":
        import pandas as pd

        return lambda rows: model.predict(pd.DataFrame(rows)).tolist()
    return lambda rows: model.predict(np.array(rows)).tolist()


def _keras() -> Predict:
    import keras
    import numpy as np

    model = keras.saving.load_model(FILE.with_suffix(".keras"))
    if not TRACED:
        return lambda rows: model.predict(np.array(rows, np.float32), verbose=0)[:, 0].tolist()
    import tensorflow as tf

    shape = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    call = tf.function(lambda batch: model(batch, training=False), input_signature=[shape])
    return lambda rows: call(tf.constant(rows, tf.float32)).numpy()[:, 0].tolist()
