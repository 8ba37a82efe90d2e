"""Trains the Keras models of test_must_show.py in a process of its own: TensorFlow stays out of the tests' process.

`python -m tests.serving.keras_models FOLDER` saves each model and, beside it as JSON, rows with the model's own answers.
"""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.datasets import load_digits

ROWS = slice(100, 106)


def digits() -> tuple[Any, Any]:
    """A classifier of 8 by 8 images, and the rows to ask it about."""
    data = load_digits()
    images = (data.images / 16).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((8, 8), name="image"),
            keras.layers.Reshape((8, 8, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, data.target, epochs=3, verbose=0)
    return model, {"image": images[ROWS]}


def two_inputs() -> tuple[Any, Any]:
    """A regressor with two inputs of different shapes: an image, and two numbers that come with it."""
    image, place = keras.Input((8, 8), name="image"), keras.Input((2,), name="place")
    joined = keras.layers.Concatenate()(
        [keras.layers.Flatten()(image), keras.layers.Dense(4, activation="tanh")(place)]
    )
    model = keras.Model([image, place], keras.layers.Dense(1, name="ink")(joined))
    data = load_digits()
    images = (data.images / 16).astype("float32")
    places = np.random.default_rng(0).normal(size=(len(images), 2)).astype("float32")
    model.compile("adam", "mse")
    model.fit([images, places], images.sum((1, 2)) + places[:, 0], epochs=2, verbose=0)
    return model, {"image": images[ROWS], "place": places[ROWS]}


def save(folder: Path, name: str, model: Any, inputs: dict[str, Any]) -> None:
    """Write the model, the rows and what it says of them."""
    model.save(folder / f"{name}.keras")
    answers = model.predict(list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values())), verbose=0)
    columns = {field: values.tolist() for field, values in inputs.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    (folder / f"{name}.json").write_text(json.dumps({"rows": rows, "answers": answers.tolist()}))


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    save(Path(sys.argv[1]), "digits", *digits())
    save(Path(sys.argv[1]), "ink", *two_inputs())
