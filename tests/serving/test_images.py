"""`modelport export model.h5 --input image`: pictures sent as files are answered as the network answers their pixels."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.inference.images import pixels_of, png_of
from tests.services.exporting.place import Place
from tests.services.inference.pictures import scene, written
from tests.serving.conftest import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PETS = "/api/predict/pets"
CLASSES = ["cat", "dog", "bird", "fish"]
TRAIN = """
import keras, numpy, sys
keras.utils.set_random_seed(0)
base = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, include_top=False, weights=None, pooling="avg")
model = keras.Sequential([base, keras.layers.Dense(4, activation="softmax")])
model.save("pets.h5")
images = numpy.load("images.npy").astype("float32") / 255
numpy.save("wanted.npy", model.predict(images, verbose=0))
"""
"""As those who train on a generator with `rescale=1/255` do: nothing in the model says so."""


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Files of several kinds and sizes."""
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    return [png_of(noise), written(scene().resize((800, 600)), "JPEG"), written(scene(), "WEBP")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, pictures: list[bytes]) -> Place:
    """A machine with the endpoint `pets`."""
    made = Place(tmp_path_factory.mktemp("images") / "place")
    np.save(made.folder / "images.npy", np.stack([pixels_of(data, 96, 96) for data in pictures]))
    made.python("-c", TRAIN)
    (made.folder / "labels.txt").write_text("\n".join(CLASSES))
    done = made.run("export", "pets.h5", "--input", "image", "--classes", "labels.txt", "-o", "json")
    assert done.code == 0, done.err
    assert "images go to the network as 0..1" in done.err
    (made.folder / "said.json").write_text(json.dumps(done.json()))
    return made


def served(place: Place, serve: Callable[..., Server], *command: str) -> Server:
    """A server over that machine's home."""
    key = json.loads((place.folder / "said.json").read_text())["api_key"]
    homes = {"MODELPORT_HOME": str(place.home), "BENTOML_HOME": str(place.stores)}
    server = serve(*command, **homes, MODELPORT_RATE_LIMIT="1000000/minute")
    server.client.headers["X-API-Key"] = key
    return server


def test_an_image_is_answered_as_the_network_answers_its_pixels(
    place: Place, serve: Callable[..., Server], pictures: list[bytes]
) -> None:
    wanted: Any = np.load(place.folder / "wanted.npy")
    hub = served(place, serve)
    alone = served(place, serve, "-m", "bentoml", "serve", "pets:latest", "--host", "127.0.0.1", "--port", "{port}")
    for server in (hub, alone):
        for data, chances in zip(pictures, wanted, strict=True):
            answer = server.client.post(PETS, files={"file": ("picture", data)})
            assert answer.status_code == 200, answer.text
            (prediction,) = answer.json()["predictions"]
            assert prediction["label"] == CLASSES[chances.argmax()]
            assert np.allclose([*prediction["probabilities"].values()], chances, atol=1e-4)
        numbers = pixels_of(pictures[1], 96, 96).tolist()
        assert server.client.post(PETS, json={"instances": [numbers]}).json()["predictions"] == [
            server.client.post(PETS, files={"file": pictures[1]}).json()["predictions"][0]
        ]
        assert server.client.post(PETS, files={"file": b"%PDF-1.7"}).status_code == 415
        assert server.client.post(PETS, files={"file": pictures[0][:500]}).status_code == 400
        assert server.client.post(PETS, files={"file": (None, "http://127.0.0.1:1/x.png")}).status_code == 400
        assert "multipart/form-data or" in server.client.post(PETS, data={"file": "x"}).json()["error"]["message"]
        assert server.client.post(PETS, json={"instances": [[[[256, 0, 0]]]]}).status_code == 400
    described = hub.client.get("/openapi.json").json()["paths"][PETS]["post"]["requestBody"]["content"]
    file = described["multipart/form-data"]["schema"]["properties"]["file"]
    assert (file["type"], file["format"]) == ("string", "binary")


def test_the_same_export_again_changes_nothing_and_another_range_does(place: Place) -> None:
    first = json.loads((place.folder / "said.json").read_text())
    wanted = ("export", "pets.h5", "--input", "image", "--classes", "labels.txt", "-o", "json")
    assert place.run(*wanted).json() == first | {"api_key": None}
    other = place.run(*wanted, "--pixels", "-1..1").json()
    assert (other["model"]["version"], other["signature"]["inputs"][0]["pixels"]) == ("2", "-1..1")


def test_the_container_of_a_compiled_model_has_no_tensorflow(place: Place) -> None:
    said = json.loads((place.folder / "said.json").read_text())
    assert said["runtime"] == "onnx"
    bento = place.stores / "bentos" / Path(said["bento"].replace(":", "/"))
    needed = (bento / "env/python/requirements.txt").read_text()
    assert "pillow==" in needed and "onnxruntime==" in needed and "tensorflow" not in needed


def test_the_line_to_paste(place: Place) -> None:
    shown = place.run("show", "pets", "-o", "json").json()
    assert shown["curl"].endswith('/api/predict/pets -H "X-API-Key: $KEY" -F file=@image.jpg')


def test_what_is_not_for_images_is_one_line(place: Place) -> None:
    for options, reason in (
        (("export", "pets.h5", "--name", "no", "--pixels", "0..1"), "`--pixels` goes with `--input image`"),
        (("export", "labels.txt", "--name", "no", "--input", "image"), "modelport: "),
    ):
        done = place.run(*options)
        assert done.code == 1 and reason in done.err.splitlines()[-1], done.err
