"""The service's methods on a model that tells by which of red, green and blue an image has most."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bentos.game_classifier.data import SIDE
from bentos.game_classifier.service import MOST_FILES, GameClassifier, OneOfMany, Prediction
from registry.errors import InvalidInput, UnsupportedMediaType
from services.inference.images import ImageFile, png_of
from services.inference.signature import Field, Output, Signature
from services.inference.typed import describe_routes
from services.packaging.job import Choice
from services.packaging.model_store import put

COLOURS = ("red", "green", "blue")


def network() -> bytes:
    """The mean of each channel, softened, as an ONNX graph with the platform's names."""
    shape: list[Any] = ["rows", SIDE, SIDE, 3]
    nodes = [
        helper.make_node("Cast", ["input_0"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "axes"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "softness"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["output_0"], axis=1),
    ]
    constants = [
        numpy_helper.from_array(np.array([1, 2]), "axes"),
        numpy_helper.from_array(np.array(100, np.float32), "softness"),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("input_0", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("output_0", TensorProto.FLOAT, ["rows", 3])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An instance that serves the stored model."""
    file = tmp_path_factory.mktemp("colours") / "model.onnx"
    file.write_bytes(network())
    image = np.zeros((SIDE, SIDE, 3), np.uint8).tolist()
    signature = Signature(
        inputs=(Field(name="image", dtype="uint8", shape=(SIDE, SIDE, 3)),),
        layout="tensors",
        task="classification",
        outputs=(Output(classes=(0, 1, 2), names=COLOURS, probabilities=True),),
        example={"image": image},
    )
    choice = Choice(runtime="onnx", timings={"onnx": {"1": 1e-4, "32": 1e-3}})
    put("game_classifier", file, signature.model_dump(mode="json"), "onnx", choice, {})
    made: Any = GameClassifier
    return made.inner()


def plain(colour: str, name: str = "some.png") -> ImageFile:
    """An image of one colour."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :, COLOURS.index(colour)] = 200
    return ImageFile(name, png_of(pixels))


def ask(service: Any, file: ImageFile, **options: Any) -> Prediction:
    answer: Prediction = asyncio.run(service.predict_image(file, **options))
    return answer


@pytest.mark.parametrize("colour", COLOURS)
def test_an_image_is_answered_with_its_category(service: Any, colour: str) -> None:
    answer = ask(service, plain(colour))
    assert answer.category == colour
    assert answer.confidence == answer.probabilities[colour] == pytest.approx(np.exp(2) / (np.exp(2) + 2))
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert (len(answer.prediction_id), answer.model.name) == (32, "game_classifier")
    assert answer.processing_time > 0


def test_the_answer_has_the_fields_of_its_promise(service: Any) -> None:
    promised = {"prediction_id", "category", "confidence", "probabilities", "processing_time", "description", "model"}
    assert set(ask(service, plain("red")).model_dump()) == promised | {"request_id", "description_reason"}


def test_without_a_provider_the_prediction_answers_and_says_why(service: Any, home: Path) -> None:
    answer = ask(service, plain("blue"), describe="openai")
    assert (answer.category, answer.description, answer.description_reason) == ("blue", None, "not_configured")
    assert ask(service, plain("blue")).description_reason is None


@pytest.mark.parametrize(
    ("data", "error"), [(b"", InvalidInput), (b"GIF89a", UnsupportedMediaType), (b"\xff\xd8\xff", InvalidInput)]
)
def test_what_is_no_image_is_refused(service: Any, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(service, ImageFile("bad.jpg", data))


def test_of_several_images_each_has_its_result_in_its_place(service: Any) -> None:
    files = [plain("red", "a.png"), ImageFile("b.png", b"nothing"), plain("green", "c.png"), plain("red", "a.png")]
    results = asyncio.run(service.predict_images(files)).results
    assert [result.filename for result in results] == ["a.png", "b.png", "c.png", "a.png"]
    assert [getattr(result, "category", None) for result in results] == ["red", None, "green", "red"]
    assert results[1].error.code == "UNSUPPORTED_MEDIA_TYPE"
    assert results[1].error.details == {"formats": ["JPEG", "PNG", "WEBP"]}
    assert len({result.prediction_id for result in results}) == 4


def test_several_images_are_answered_as_each_alone(service: Any) -> None:
    files = [plain(colour) for colour in COLOURS]
    results = asyncio.run(service.predict_images(files)).results
    assert [result.probabilities for result in results] == [ask(service, file).probabilities for file in files]
    assert all(isinstance(result, OneOfMany) for result in results)


def test_nothing_but_bad_images_is_an_answer_too(service: Any) -> None:
    results = asyncio.run(service.predict_images([ImageFile("a", b""), ImageFile("b", b"")])).results
    assert [result.error.message for result in results] == ["The image is empty."] * 2


def test_the_document_says_what_may_be_sent_and_what_comes_back() -> None:
    one, many = sorted(describe_routes(GameClassifier), key=lambda route: str(route["path"]))
    assert (one["path"], one["files"], many["path"], many["lists"]) == (
        "/predict/image",
        ["file"],
        "/predict/images",
        ["files"],
    )
    assert many["input"]["properties"]["files"]["maxItems"] == MOST_FILES
    seen = one["output"]["properties"]
    assert all("description" in seen[name] for name in ("confidence", "probabilities", "processing_time"))
    assert (seen["confidence"]["minimum"], seen["confidence"]["maximum"]) == (0, 1)
