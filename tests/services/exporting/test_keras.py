"""A Keras model becomes an endpoint: tensors in, named classes out."""

from pathlib import Path

import numpy as np
import pytest

from tests.services.exporting.place import Place

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TRAIN = """
import keras, sys
model = keras.Sequential([keras.Input((8, 8), name="image"), keras.layers.Flatten(),
                          keras.layers.Dense(10, activation="softmax")])
model.save(sys.argv[1])
"""


@pytest.fixture
def digits(place: Place) -> Path:
    """A model for digits of 8 by 8, trained elsewhere: TensorFlow stays out of the tests' own process."""
    place.python("-c", TRAIN, "digits.keras")
    return place.folder / "digits.keras"


@pytest.mark.slow
def test_a_keras_file_with_a_sample_and_names_of_its_classes(place: Place, digits: Path) -> None:
    np.save(place.folder / "rows.npy", np.random.default_rng(0).random((5, 8, 8), dtype="float32"))
    (place.folder / "classes.txt").write_text("\n".join(NAMES))
    done = place.run("export", digits, "--sample", "rows.npy", "--classes", "classes.txt", "-o", "json")
    said = done.json()
    assert "pickle" not in done.err
    assert (said["model"]["framework"], said["runtime"]) == ("keras", "onnx")
    (field,), (output,) = said["signature"]["inputs"], said["signature"]["outputs"]
    assert (field["shape"], field["dtype"]) == ([8, 8], "float32")
    assert output["names"] == NAMES
    requirements = place.stores / "bentos" / said["bento"].replace(":", "/") / "env/python/requirements.txt"
    assert "onnxruntime==" in requirements.read_text()
    assert not any(name in requirements.read_text() for name in ("tensorflow", "keras", "scikit-learn", "pandas"))


@pytest.mark.slow
def test_without_a_sample(place: Place, digits: Path) -> None:
    said = place.run("export", digits, "-o", "json").json()
    assert said["signature"]["outputs"][0]["classes"] == list(range(10))


@pytest.mark.slow
def test_what_does_not_fit_is_one_line(place: Place, digits: Path) -> None:
    named = place.run("export", digits, "--classes", "a,b")
    assert named.err.splitlines()[-1].startswith("modelport: `--classes` gives 2 names")
    np.save(place.folder / "small.npy", np.zeros((5, 4, 4)))
    sampled = place.run("export", digits, "--sample", "small.npy")
    assert "shape" in sampled.err.splitlines()[-1]
    digits.write_bytes(digits.read_bytes()[:1000])
    truncated = place.run("export", digits)
    assert "truncated" in truncated.err.splitlines()[-1]
    assert {named.code, sampled.code, truncated.code} == {1}
    assert place.bentoml("list") == place.bentoml("models", "list") == []
