"""`--input image`: networks of images take bytes, scaled as their own training had it. TensorFlow is imported once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.errors import ExportError
from services.inference.compilation import convert
from services.inference.describing import describe
from services.inference.describing.images import AsImage
from services.inference.image_graph import take_bytes
from services.inference.runtimes.keras import KerasRuntime
from services.inference.runtimes.keras import load as load_keras
from services.inference.runtimes.onnx import OnnxRuntime
from services.inference.runtimes.session import open_session
from services.inference.signature import Pixels, Signature

pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 12, 16, 3), np.uint8)
SCALED: dict[Pixels, Any] = {
    "0..255": IMAGES.astype("float32"),
    "0..1": IMAGES.astype("float32") / 255,
    "-1..1": IMAGES.astype("float32") / 127.5 - 1,
}


def network(*first: Any, shape: Any = (12, 16, 3)) -> Any:
    """A small classifier of images with layers of one's own before it."""
    import keras

    keras.utils.set_random_seed(3)
    rest = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input(shape), *first, *rest, keras.layers.Dense(3, activation="softmax")])


def functional(scaling: bool) -> Any:
    """The same with plain arithmetic before it, as `preprocess_input` leaves it in a model."""
    import keras

    put = keras.Input((12, 16, 3))
    return keras.Model(put, network()(put / 127.5 - 1.0 if scaling else put))


def chances(predictions: list[Any]) -> Any:
    """The probabilities as an array."""
    return np.array([list(one["probabilities"].values()) for one in predictions])


def both_runtimes(model: Any, signature: Signature) -> list[Any]:
    """What the model and its compiled graph answer to the images."""
    rows = [(image,) for image in IMAGES]
    compiled = OnnxRuntime(open_session(convert("keras", model, signature, "float32")), signature)
    return [chances(runtime.predict(rows)) for runtime in (KerasRuntime(model, signature), compiled)]


@pytest.mark.parametrize("pixels", [*SCALED])
def test_every_runtime_scales_bytes_as_training_did(pixels: Pixels, tmp_path: Path) -> None:
    model = network()
    wanted = model(SCALED[pixels], training=False).numpy()
    model.save(tmp_path / "model.h5")
    model.export(tmp_path / "saved", verbose=False)
    for name in ("model.h5", "saved"):
        loaded = load_keras(tmp_path / name)
        signature = describe("keras", loaded, None, ["a", "b", "c"], AsImage(pixels)).signature
        assert (signature.inputs[0].dtype, signature.inputs[0].shape) == ("uint8", (12, 16, 3))
        for found in both_runtimes(loaded, signature):
            assert np.allclose(found, wanted, atol=1e-5), (name, pixels)


def test_what_a_network_is_fed_is_found_out(tmp_path: Path) -> None:
    from keras import layers

    scaling = {
        "nothing": (network(), "0..1"),
        "Rescaling": (network(layers.Rescaling(1 / 255)), "0..255"),
        "Normalization": (network(layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 1.0, 1.0])), "0..255"),
        "a model inside": (network(network(layers.Rescaling(2.0)).layers[0]), "0..255"),
        "arithmetic": (functional(True), "0..255"),
        "no arithmetic": (functional(False), "0..1"),
    }
    for what, (model, pixels) in scaling.items():
        description = describe("keras", model, None, None, AsImage())
        assert description.signature.inputs[0].pixels == pixels, what
        assert pixels in description.remarks[-1] and "--pixels" in description.remarks[-1]
        if what in ("nothing", "Rescaling", "arithmetic"):
            model.export(tmp_path / what, verbose=False)
            saved = describe("keras", load_keras(tmp_path / what), None, None, AsImage())
            assert saved.signature.inputs[0].pixels == pixels, what


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((None, None, 3), "images of any size"),
        ((12, 16, 4), "wants 4 channels"),
        ((3, 12, 16), "channels first"),
        ((12, 16), r"takes no image: its input is float32 \(12, 16\)"),
    ],
)
def test_a_model_that_takes_no_image_is_one_line(shape: Any, reason: str) -> None:
    import keras

    put = keras.Input(shape)
    with pytest.raises(ExportError, match=reason):
        describe("keras", keras.Model(put, keras.layers.Activation("relu")(put)), None, None, AsImage())
    two = keras.Model([put, keras.Input((1,))], put)
    with pytest.raises(ExportError, match="models with one input, this one has 2"):
        describe("keras", two, None, None, AsImage())


def test_a_model_of_tables_takes_no_image() -> None:
    with pytest.raises(ExportError, match="is for neural networks"):
        describe("sklearn", object(), None, None, AsImage())


def graph(shape: list[Any], *first: tuple[str, float], channels_first: bool) -> Any:
    """A graph that averages each channel, with arithmetic before it."""
    from onnx import TensorProto, helper

    nodes, constants, name = [], [], "x"
    for index, (operation, number) in enumerate(first):
        constants.append(helper.make_tensor(f"c{index}", TensorProto.FLOAT, [], [number]))
        nodes.append(helper.make_node(operation, [name, f"c{index}"], [f"s{index}"]))
        name = f"s{index}"
    axes = [2, 3] if channels_first else [1, 2]
    nodes.append(helper.make_node("ReduceMean", [name], ["y"], axes=axes, keepdims=0))
    made = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])],
        constants,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize(
    ("asked", "first", "used"),
    [
        (None, [], "0..1"),
        (None, [("Div", 2.0)], "0..255"),
        ("0..1", [("Div", 2.0)], "0..1"),
        ("-1..1", [], "-1..1"),
        ("0..255", [], "0..255"),
    ],
)
def test_an_onnx_graph_takes_bytes_however_its_channels_lie(
    asked: Pixels | None, first: list[tuple[str, float]], used: Pixels, channels_first: bool
) -> None:
    model = graph(["N", 3, 12, 16] if channels_first else ["N", 12, 16, 3], *first, channels_first=channels_first)
    assert used in take_bytes(model, asked)
    signature = describe("onnx", model, None, None, AsImage(asked)).signature
    assert (signature.inputs[0].dtype, signature.inputs[0].shape) == ("uint8", (12, 16, 3))
    found = OnnxRuntime(open_session(model.SerializeToString()), signature).predict([(image,) for image in IMAGES])
    wanted = SCALED[used].mean(axis=(1, 2)) / (2.0 if first else 1.0)
    assert np.allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (["N", 3, "h", "w"], "images of any size"),
        (["N", 7, 8, 9], "wants 9 channels"),
        (["N", 5], "takes no image"),
        ([1, 12, 16, 3], "takes 1 rows, always"),
    ],
)
def test_a_graph_that_takes_no_image_is_one_line(shape: list[Any], reason: str) -> None:
    model = graph(shape, channels_first=False)
    with pytest.raises(ExportError, match=reason):
        take_bytes(model, None)
        describe("onnx", model, None, None, AsImage())
