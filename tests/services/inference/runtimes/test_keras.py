"""Keras models and SavedModels answer what `Model.predict` answers. TensorFlow is imported once, by the first test."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.errors import ExportError, InvalidInput, ModelError
from services.inference.describing import describe
from services.inference.instances import InstanceReader
from services.inference.runtimes.keras import KerasRuntime, load
from services.inference.signature import Signature

pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
FORMATS = ["model.keras", "model.h5", "saved"]


def layers() -> Any:
    import keras

    return keras.layers


def dense(*last: Any) -> Any:
    """Four numbers in, and a stack of layers."""
    import keras

    return keras.Sequential([keras.Input((4,)), *last])


def two_by_two(named: bool = False) -> Any:
    """Two named inputs, two named outputs."""
    import keras

    size, plan = keras.Input((3,), name="size"), keras.Input((), name="plan", dtype="int32")
    code = layers().Flatten()(layers().Embedding(5, 2)(layers().Reshape((1,))(plan)))
    joint = layers().Concatenate()([size, code])
    price = layers().Dense(1, name="price")(joint)
    kind = layers().Dense(3, activation="softmax", name="kind")(joint)
    if named:
        return keras.Model({"size": size, "plan": plan}, {"price": price, "kind": kind})
    return keras.Model([size, plan], [price, kind])


def saved(model: Any, path: Path) -> Any:
    """The model written in the path's format and loaded again."""
    if path.suffix:
        model.save(path)
    else:
        model.export(path, verbose=False)
    return load(path)


def runtime_of(model: Any, sample: Any = None, classes: list[str] | None = None) -> tuple[KerasRuntime, Signature, Any]:
    description = describe("keras", model, sample, classes)
    return KerasRuntime(model, description.signature), description.signature, description


def close(got: Any, wanted: Any) -> None:
    np.testing.assert_allclose(np.array(got), np.array(wanted), rtol=0, atol=1e-6)


@pytest.mark.parametrize("file", FORMATS)
def test_a_softmax_is_a_classifier(file: str, tmp_path: Path) -> None:
    for last in ([layers().Dense(3, activation="softmax")], [layers().Dense(3), layers().Activation("softmax")]):
        model = dense(*last, *([layers().Softmax()] if file == "saved" else []))
        loaded = saved(model, tmp_path / file)
        runtime, signature, description = runtime_of(loaded, np.random.default_rng(0).random((9, 4)))
        chances = model.predict(description.values[0], verbose=0)
        got = runtime.predict(description.rows)
        assert signature.task == "classification"
        assert [row["label"] for row in got] == chances.argmax(axis=1).tolist()
        close([list(row["probabilities"].values()) for row in got], chances)


@pytest.mark.parametrize("file", FORMATS)
def test_one_sigmoid_is_two_classes(file: str, tmp_path: Path) -> None:
    model = dense(layers().Dense(1, activation="sigmoid"))
    runtime, _, description = runtime_of(
        saved(model, tmp_path / file), np.random.default_rng(0).normal(size=(9, 4)), ["no", "yes"]
    )
    chances = model.predict(description.values[0], verbose=0)[:, 0]
    got = runtime.predict(description.rows)
    assert [row["label"] for row in got] == ["yes" if chance > 0.5 else "no" for chance in chances]
    close([row["probabilities"]["yes"] for row in got], chances)
    close([row["probabilities"]["no"] for row in got], 1 - chances)


def test_anything_else_is_a_regressor_unless_classes_are_named() -> None:
    model = dense(layers().Dense(2))
    runtime, signature, description = runtime_of(model)
    assert signature.task == "regression"
    close(runtime.predict(description.rows), model.predict(description.values[0], verbose=0))
    assert runtime_of(model, None, ["a", "b"])[1].task == "classification"
    for wrong in (["a"], ["a", "b", "c"], ["a", "a"]):
        with pytest.raises(ExportError, match="--classes"):
            runtime_of(model, None, wrong)


@pytest.mark.parametrize("file", FORMATS)
@pytest.mark.parametrize("named", [False, True])
def test_several_inputs_and_outputs_go_by_name(named: bool, file: str, tmp_path: Path) -> None:
    model = two_by_two(named)
    runtime, signature, _ = runtime_of(saved(model, tmp_path / file))
    size, plan = [0.5, 1.5, 2.5], 3
    read = InstanceReader(signature)
    values = {"size": size, "plan": plan}
    listed = [values[field.name] for field in signature.inputs]
    [by_name, by_place] = runtime.predict(read.rows({"instances": [values, listed]}))
    arrays = {"size": np.array([size], "float32"), "plan": np.array([plan], "int32")}
    wanted = model.predict(arrays if named else list(arrays.values()), verbose=0)
    price, kind = (wanted["price"], wanted["kind"]) if named else wanted
    assert by_name == by_place
    got = by_name if named or file != "saved" else {"price": by_name["output_0"], "kind": by_name["output_1"]}
    close(got["price"], price[0, 0])
    close(list(got["kind"]["probabilities"].values()), kind[0])


def test_a_free_dimension_takes_any_length_but_one_a_request() -> None:
    import keras

    model = keras.Sequential([keras.Input((None, 2)), layers().LSTM(3), layers().Dense(1)])
    runtime, signature, _ = runtime_of(model)
    read = InstanceReader(signature)
    for length in (1, 2, 7):
        steps = np.random.default_rng(length).random((3, length, 2)).astype("float32")
        got = runtime.predict(read.rows({"instances": steps.tolist()}))
        close(got, model.predict(steps, verbose=0)[:, 0])
    with pytest.raises(InvalidInput, match="same lengths"):
        runtime.predict(read.rows({"instances": [[[1, 2]], [[1, 2], [3, 4]]]}))


def test_images_are_bytes() -> None:
    import keras

    model = keras.Sequential(
        [keras.Input((4, 4, 1), dtype="uint8"), layers().Rescaling(1 / 255), layers().Conv2D(2, 3), layers().Flatten()]
    )
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), dtype="uint8")
    runtime, signature, description = runtime_of(model, images)
    assert signature.inputs[0].dtype == "uint8"
    close(runtime.predict(description.rows), model.predict(images, verbose=0).reshape(3, -1))
    with pytest.raises(ExportError, match="are not uint8"):
        runtime_of(model, images.astype(int) + 256)


def test_the_model_is_traced_once_for_all_batch_sizes() -> None:
    traces = []

    class Counted(layers().Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            traces.append(inputs.shape)
            return inputs

    model = dense(Counted())
    traces.clear()
    runtime, _, description = runtime_of(model)
    assert len(traces) == 1
    for count in (1, 2, 8, 64, 2):
        runtime.predict([description.rows[0]] * count)
    assert len(traces) == 1


def test_a_model_that_fails_or_answers_nan_is_a_model_error() -> None:
    import keras

    embedding = keras.Sequential([keras.Input((1,)), layers().Embedding(5, 1), layers().Flatten()])
    runtime, _, _ = runtime_of(embedding)
    with pytest.raises(ModelError):
        runtime.predict([([5.0],)])
    root: Callable[[Any], Any] = keras.ops.sqrt
    runtime, _, _ = runtime_of(dense(layers().Activation(root)))
    assert runtime.predict([([4.0, 0.0, 1.0, 9.0],)]) == [[2.0, 0.0, 1.0, 3.0]]
    with pytest.raises(ModelError, match="NaN"):
        runtime.predict([([-1.0, 0.0, 0.0, 0.0],)])


@pytest.mark.parametrize("file", FORMATS)
def test_the_embedding_s_size_is_the_range_of_its_input(file: str, tmp_path: Path) -> None:
    loaded = saved(two_by_two(), tmp_path / file)  # an embedding of 5
    _, signature, _ = runtime_of(loaded)
    read = InstanceReader(signature)
    assert {field.name: field.integer_range for field in signature.inputs} == {"size": None, "plan": (-4, 4)}
    read.rows({"size": [0, 0, 0], "plan": 4})
    with pytest.raises(InvalidInput, match="plan"):
        read.rows({"size": [0, 0, 0], "plan": 5})


def test_a_model_that_can_t_be_traced_is_one_line() -> None:
    import keras

    stateful = keras.Sequential([keras.Input(batch_shape=(1, 3, 1)), layers().LSTM(2, stateful=True)])
    with pytest.raises(ExportError, match="trace") as caught:
        runtime_of(stateful)
    assert "\n" not in caught.value.message


def test_a_saved_model_without_its_variables_is_one_line_that_names_no_folder(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 50) / "net"
    saved(dense(layers().Dense(2)), path)
    shutil.rmtree(path / "variables")
    with pytest.raises(ExportError) as caught:
        load(path)
    assert "net/variables" in caught.value.message and "long" not in caught.value.message


@pytest.mark.parametrize("file", FORMATS)
def test_damaged_and_unsafe_files_are_one_line(file: str, tmp_path: Path) -> None:
    path = tmp_path / file
    saved(dense(layers().Dense(2)), path)
    damaged = path if path.suffix else path / "saved_model.pb"
    whole = damaged.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 100):
        damaged.write_bytes(whole[:length])
        with pytest.raises(ExportError) as caught:
            runtime_of(load(path))
        assert "\n" not in caught.value.message
    if path.suffix:
        dense(layers().Lambda(lambda x: x * 2)).save(path)
        with pytest.raises(ExportError, match="Lambda"):
            load(path)


def test_the_sample_must_fit_the_inputs() -> None:
    model = two_by_two()
    good = {"size": np.ones((2, 3)), "plan": np.ones(2)}
    assert json.dumps(runtime_of(model, good)[1].example) == '{"size": [1.0, 1.0, 1.0], "plan": 1}'
    for wrong in (
        {"size": np.ones((2, 3))},
        good | {"plan": np.ones(3)},
        good | {"size": np.ones((2, 4))},
        good | {"plan": np.array([0.5, 1])},
        good | {"plan": np.array(["a", "b"])},
        good | {"size": np.full((2, 3), np.nan)},
        np.ones((2, 3)),
    ):
        with pytest.raises(ExportError):
            runtime_of(model, wrong)
