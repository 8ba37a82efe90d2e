"""The command line's one-line errors; what learns and what stays frozen; weights from a file."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from bentos.game_classifier.data import FEWEST, draw
from bentos.game_classifier.train import main

# Keras's own, with this version of numpy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROOT = Path(__file__).parents[2]
NOWHERE = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # nobody listens there


def write_folder(folder: Path, *categories: str) -> Path:
    """Class folders of drawn screenshots."""
    rng = np.random.default_rng(3)
    for category in categories:
        (folder / category).mkdir(parents=True)
        for number in range(FEWEST):
            (folder / category / f"{number}.jpg").write_bytes(draw(category, rng))
    return folder


def run(home: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, as a process with a home of its own."""
    command = [sys.executable, "-m", "bentos.game_classifier.train", *map(str, arguments)]
    own = {"HOME": str(home), "BENTOML_HOME": str(home / "bentoml"), "BENTOML_DO_NOT_TRACK": "true"}
    env = os.environ | own | environment
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=400, check=False)


@pytest.mark.parametrize(
    ("folder", "said"),
    [("nowhere", "no such file or directory"), ("shots/racing", "no class folders"), ("one", "only one class folder")],
)
def test_a_wrong_folder_is_one_line_and_exit_code_2(tmp_path: Path, folder: str, said: str) -> None:
    write_folder(tmp_path / "shots", "racing")
    write_folder(tmp_path / "one", "puzzle")
    app = typer.Typer()
    app.command()(main)
    done = CliRunner().invoke(app, ["--data", str(tmp_path / folder)])
    assert done.exit_code == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and said in line


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_your_own_folder_with_weights_from_a_file(tmp_path: Path) -> None:
    from bentos.game_classifier.network import backbone

    weights = tmp_path / "base.weights.h5"
    backbone("none").save_weights(weights)
    folder = write_folder(tmp_path / "shots", "puzzle", "racing")
    (folder / "racing" / "cut.png").write_bytes(b"")
    done = run(tmp_path, "--data", folder, "--weights", weights, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    said = done.stderr
    assert "warning: left out 1 unreadable files: racing/cut.png" in said
    assert said.index("frozen base: epoch 4 of 4") < said.index("fine-tuning: epoch 1 of 4")
    assert "true \\ predicted" in done.stdout and "held-out screenshots" in done.stdout
    name, version = done.stdout.splitlines()[-1].split(":")
    stored = (tmp_path / "bentoml/models" / name / version / "model.yaml").read_text()
    assert "data: shots" in stored and "weights: base.weights.h5" in stored
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"confusion.png", "model.keras", "base.weights.h5"}


@pytest.mark.slow
def test_weights_that_cannot_be_had_are_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.weights.h5"
    wrong.write_bytes(b"no weights")
    expected = {
        "imagenet": "Connection refused): bring https://storage.googleapis.com/",
        str(wrong): "not the weights of a MobileNetV2 of width 0.35 without its top",
        str(tmp_path / "none.h5"): "no such weights file; --weights takes imagenet, none or a file such as https://",
    }
    for weights, said in expected.items():
        done = run(tmp_path, "--count", 60, "--weights", weights, **NOWHERE)
        assert done.returncode == 2 and done.stdout == ""
        line = done.stderr.splitlines()[-1]
        assert line.startswith("error: ") and said in line, done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "bentoml" / "models" / "game_classifier").exists()


@pytest.mark.slow
def test_the_base_stays_frozen_and_then_only_its_last_blocks_learn() -> None:
    import keras

    from bentos.game_classifier.network import backbone, classifier, freeze, unfreeze_top

    base = backbone("none")
    network = classifier(base, 3)
    freeze(base)
    assert len(network.trainable_variables) == 2, "the new top: a matrix and a bias"
    unfreeze_top(base)
    learning = [layer.name for layer in base.layers if layer.trainable and layer.weights]
    assert learning[0] == "block_13_expand" and learning[-1] == "Conv_1"
    assert not any(layer.trainable for layer in base.layers if isinstance(layer, keras.layers.BatchNormalization))


@pytest.mark.slow
def test_weights_come_back_from_a_file_of_either_kind(tmp_path: Path) -> None:
    from bentos.game_classifier.network import backbone

    base = backbone("none")
    base.save_weights(tmp_path / "base.weights.h5")
    base.save(tmp_path / "as_published.h5")
    for name in ("base.weights.h5", "as_published.h5"):
        again = backbone(str(tmp_path / name))
        assert all(np.array_equal(a, b) for a, b in zip(base.get_weights(), again.get_weights(), strict=True))


@pytest.mark.slow
def test_the_network_scales_the_bytes_itself() -> None:
    from bentos.game_classifier.network import backbone, classifier

    base = backbone("none")
    network = classifier(base, 2)
    image = np.random.default_rng(0).integers(0, 256, (1, 96, 96, 3), np.uint8)
    scaled = image.astype("float32") / 127.5 - 1
    expected = network.get_layer("category")(base(scaled))
    assert np.allclose(network(image), expected, atol=1e-6)
    assert network.inputs[0].dtype == "uint8"
