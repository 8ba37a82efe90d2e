"""Compiled networks answer what TensorFlow answers. TensorFlow is imported once, by the first test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.errors import ModelError
from services.inference.compilation import NotCompiled, Precision, convert
from services.inference.describing import describe
from services.inference.runtimes.keras import KerasRuntime, load
from services.inference.runtimes.onnx import OnnxRuntime
from services.inference.runtimes.session import open_session
from services.inference.signature import Field, Signature

pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
TOLERANCE = 1e-5
BATCHES = (1, 7)


@pytest.fixture(autouse=True)
def seed() -> None:
    import keras

    keras.utils.set_random_seed(0)


def layers() -> Any:
    import keras

    return keras.layers


def stack(shape: tuple[int | None, ...], *inner: Any, dtype: str = "float32") -> Any:
    """A Sequential model with these layers."""
    import keras

    return keras.Sequential([keras.Input(shape, dtype=dtype), *inner])


def perceptron() -> Any:
    inner = [layers().Dense(8, activation="gelu"), layers().BatchNormalization(), layers().Dropout(0.5)]
    return stack((4,), *inner, layers().Dense(3, activation="softmax"))


def convolution() -> Any:
    inner = [layers().Conv2D(3, 3, activation="relu"), layers().MaxPooling2D(), layers().Flatten()]
    return stack((8, 8, 1), *inner, layers().Dense(1, activation="sigmoid"))


def lstm() -> Any:
    return stack((None, 3), layers().LSTM(8), layers().Dense(1))


def two_by_two() -> Any:
    """An embedded integer beside numbers; a price and a class."""
    import keras

    size, plan = keras.Input((3,), name="size"), keras.Input((), name="plan", dtype="int32")
    code = layers().Flatten()(layers().Embedding(5, 2)(layers().Reshape((1,))(plan)))
    joint = layers().Concatenate()([size, code])
    outputs = {
        "price": layers().Dense(1, name="price")(joint),
        "kind": layers().Dense(3, activation="softmax", name="kind")(joint),
    }
    return keras.Model({"size": size, "plan": plan}, outputs)


def normalised() -> Any:
    normalization = layers().Normalization()
    normalization.adapt(np.random.default_rng(0).normal(3, 2, (50, 4)).astype("float32"))
    return stack((4,), normalization, layers().Dense(2))


def image() -> Any:
    inner = [layers().Resizing(8, 8), layers().Rescaling(1 / 255), layers().Conv2D(2, 3)]
    return stack((16, 12, 3), *inner, layers().GlobalAveragePooling2D(), dtype="uint8")


def gru() -> Any:
    return stack((6, 3), layers().GRU(8, return_sequences=True), layers().GRU(4, reset_after=False))


def bidirectional() -> Any:
    both = layers().Bidirectional
    return stack((6, 3), both(layers().LSTM(4, return_sequences=True)), both(layers().GRU(4)), layers().Dense(1))


def masked() -> Any:
    return stack((9,), layers().Embedding(5, 4, mask_zero=True), layers().LSTM(4), layers().Dense(2), dtype="int32")


def conv1d() -> Any:
    inner = [layers().Conv1D(4, 3, padding="causal"), layers().MaxPooling1D(), layers().GlobalMaxPooling1D()]
    return stack((16, 2), *inner, layers().Dense(1))


def separable() -> Any:
    inner = [layers().SeparableConv2D(4, 3), layers().Conv2DTranspose(3, 3, strides=2), layers().ReLU(6)]
    return stack((8, 8, 3), *inner, layers().GlobalAveragePooling2D())


def transformer() -> Any:
    import keras

    words = keras.Input((7,), dtype="int64")
    embedded = layers().Embedding(5, 8)(words)
    attended = layers().MultiHeadAttention(2, 4)(embedded, embedded)
    normal = layers().LayerNormalization()(attended + embedded)
    pooled = layers().GlobalAveragePooling1D()(normal)
    return keras.Model(words, layers().Dense(3, activation="softmax")(pooled))


def attention() -> Any:
    import keras

    steps = keras.Input((5, 4))
    return keras.Model(steps, layers().Flatten()(layers().Attention()([steps, steps])))


def nested() -> Any:
    return stack((4,), stack((4,), layers().Dense(3, activation="swish")), layers().Dense(2))


def unchanged() -> Any:
    """An output that is an input."""
    import keras

    size, plan = keras.Input((3,), name="size"), keras.Input((), name="plan", dtype="int32")
    return keras.Model([size, plan], [layers().Dense(1)(size), plan])


FAST = [perceptron, convolution, lstm, two_by_two, normalised, image]
SLOW = [gru, bidirectional, masked, conv1d, separable, transformer, attention, nested, unchanged]


def stirred(model: Any) -> Any:
    """The model with no bias left at zero, for a zero hides mistakes."""
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if "float" in str(weight.dtype) and "variance" not in weight.path:
            weight.assign(weight + 0.05 * generator.normal(size=weight.shape))
    return model


def compiled(model: Any) -> tuple[KerasRuntime, OnnxRuntime, Signature]:
    signature = describe("keras", model, None, None).signature
    session = open_session(convert("keras", model, signature, "float32"))
    return KerasRuntime(model, signature), OnnxRuntime(session, signature), signature


def arrays(signature: Signature, count: int) -> list[Any]:
    generator = np.random.default_rng(count)

    def array(field: Field) -> Any:
        shape = (count, *(6 if length is None else length for length in field.shape))
        if field.integer_range is None:
            return generator.normal(size=shape).astype(field.dtype)
        return generator.integers(0, min(255, field.integer_range[1]), shape, endpoint=True).astype(field.dtype)

    return [array(field) for field in signature.inputs]


def labels(prediction: Any) -> Iterator[Any]:
    """What must be the same to the letter."""
    if isinstance(prediction, dict):
        yield from (value for name, value in prediction.items() if name == "label")
        yield from (label for value in prediction.values() for label in labels(value))


def numbers(prediction: Any) -> Iterator[float]:
    """What may differ by the tolerance."""
    if isinstance(prediction, dict):
        prediction = [value for name, value in prediction.items() if name != "label"]
    if isinstance(prediction, list):
        yield from (number for value in prediction for number in numbers(value))
    else:
        yield prediction


def check(model: Any) -> None:
    original, fast, signature = compiled(model)
    for count in BATCHES:
        values = arrays(signature, count)
        wanted, got = original.predict_values(values), fast.predict_values(values)
        assert len(got) == count
        assert list(labels(dict(enumerate(got)))) == list(labels(dict(enumerate(wanted))))
        np.testing.assert_allclose(list(numbers(got)), list(numbers(wanted)), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    "network", [*FAST, *(pytest.param(network, marks=pytest.mark.slow) for network in SLOW)], ids=lambda n: n.__name__
)
def test_a_compiled_network_answers_what_tensorflow_answers(network: Callable[[], Any]) -> None:
    check(stirred(network()))


@pytest.mark.slow
def test_mobilenet_answers_what_tensorflow_answers() -> None:
    import keras

    model = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None)
    for layer in model.layers:
        if hasattr(layer, "momentum"):
            layer.momentum = 0.0  # one step then gives the statistics without which the signal dies on its way
    model(np.random.default_rng(0).normal(size=(16, 96, 96, 3)), training=True)
    check(model)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.keras", "model.h5", "saved"])
@pytest.mark.parametrize("network", [lstm, two_by_two, normalised], ids=lambda n: n.__name__)
def test_every_format_compiles(network: Callable[[], Any], file: str, tmp_path: Path) -> None:
    model, path = stirred(network()), tmp_path / file
    model.save(path) if path.suffix else model.export(path, verbose=False)
    check(load(path))


def test_the_graph_takes_the_signature_s_inputs_and_gives_the_model_s_outputs_in_order() -> None:
    model = two_by_two()
    signature = describe("keras", model, None, None).signature
    session = open_session(convert("keras", model, signature, "float32"))
    assert [field.name for field in signature.inputs] == ["plan", "size"]
    assert [(put.name, put.type, put.shape[1:]) for put in session.get_inputs()] == [
        ("input_0", "tensor(int32)", []),
        ("input_1", "tensor(float)", [3]),
    ]
    assert [output.name for output in signature.outputs] == ["kind", "price"]
    assert [(put.name, put.shape[1:]) for put in session.get_outputs()] == [("output_0", [3]), ("output_1", [1])]


def test_an_index_beyond_the_embedding_is_a_model_error_as_it_is_in_tensorflow() -> None:
    original, fast, _ = compiled(stack((2,), layers().Embedding(5, 1), layers().Flatten()))
    for runtime in (original, fast):
        assert len(runtime.predict([([4.0, 0.0],)])) == 1
        for index in (5.0, -6.0, -11.0):
            with pytest.raises(ModelError):
                runtime.predict([([index, 0.0],)])


@pytest.mark.parametrize("text", [True, False])
def test_what_onnx_has_no_operators_for_is_refused_in_one_line(text: bool) -> None:
    if text:
        vectorization = layers().TextVectorization(output_sequence_length=4, vocabulary=["a", "b"])
        model = stack((), vectorization, layers().Embedding(8, 2), layers().Flatten(), dtype="string")
    else:
        lookup = layers().StringLookup(vocabulary=["a", "b"])
        model = stack((1,), lookup, layers().Embedding(8, 2), layers().Flatten(), dtype="string")
    signature = describe("keras", model, None, None).signature
    with pytest.raises(NotCompiled, match="LookupTableFindV2") as caught:
        convert("keras", model, signature, "float32")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("own", "other", "tolerance"), [("float32", "float64", 1e-6), ("float64", "float32", 1e-14)])
def test_a_network_keeps_the_precision_it_was_trained_in(own: Precision, other: Precision, tolerance: float) -> None:
    model = stack((4,), layers().Dense(3, activation="softmax", dtype=own), dtype=own)
    signature = describe("keras", model, None, None).signature
    with pytest.raises(NotCompiled, match=f"computes in {own}"):
        convert("keras", model, signature, other)
    [given] = arrays(signature, 3)
    [answer] = open_session(convert("keras", model, signature, own)).run(None, {"input_0": given})
    assert answer.dtype == own
    np.testing.assert_allclose(answer, model(given), rtol=0, atol=tolerance)
