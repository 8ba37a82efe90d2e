"""POST /predict/image and /predict/images: screenshots in, the category of game that each of them shows out."""

import os

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Annotated, Any

import bentoml
from bentoml.models import BentoModel
from pydantic import BaseModel, Field

from registry.errors import PlatformError
from services import descriptions
from services.descriptions import Provider, Reason
from services.guarded import GuardedService
from services.inference.decoding import decoded, each_decoded
from services.inference.images import ImageFile
from services.inference.stored import load_model
from services.remember import remember
from services.request import request_id

MOST_FILES = 32

Id = Annotated[str, Field(description="Look it up with `GET /predictions/{id}`.", min_length=32, max_length=32)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[
    float,
    Field(ge=0, description="Seconds from the call's images to all of its predictions; descriptions not counted."),
]
FileName = Annotated[str, Field(description="The file's name, as it was sent.")]


class ModelVersion(BaseModel):
    """Which trained model answered."""

    name: str = Field(description="Its name.")
    version: str = Field(description="Its version in BentoML's model store.")


class Seen(BaseModel):
    """What one image shows."""

    prediction_id: Id
    category: str = Field(description="The likeliest category.", examples=["racing"])
    confidence: Share = Field(description="The category's probability, 0 to 1.")
    probabilities: dict[str, Share] = Field(description="Of each category, 0 to 1; together 1.")
    processing_time: Seconds


class Prediction(Seen):
    """What the image shows, in words too where they were asked for."""

    description: str | None = Field(None, description="A language model's words: text to be shown, never markup.")
    description_reason: Reason | None = Field(None, description="Why there is none although one was asked for.")
    model: ModelVersion
    request_id: str = Field(description="The call's.")


class OneOfMany(Seen):
    """What one of several images shows."""

    filename: FileName


class Fault(BaseModel):
    """As in the body of an error."""

    code: str = Field(examples=["UNSUPPORTED_MEDIA_TYPE"])
    message: str
    details: dict[str, Any] | None = None


class Failure(BaseModel):
    """An image that can't be looked at; the others are answered nevertheless."""

    prediction_id: Id
    error: Fault
    filename: FileName


class Predictions(BaseModel):
    """One result for each file, in their order."""

    results: list[OneOfMany | Failure]
    model: ModelVersion
    request_id: str = Field(description="The call's.")


@bentoml.service(name="game_classifier", service_class=GuardedService)
class GameClassifier:
    """Tells categories of games apart by a screenshot."""

    rate_limit = "100/hour"  # calls of a key; `modelport export --rate-limit` says otherwise
    saved = BentoModel("game_classifier:latest")

    def __init__(self) -> None:
        self.model = load_model(self.saved.tag)
        height, width, _ = self.model.signature.inputs[0].shape
        self.size = int(height or 0), int(width or 0)
        self.version = ModelVersion(name=self.model.name, version=self.model.version)

    @bentoml.api(route="/predict/image")  # type: ignore[untyped-decorator]
    async def predict_image(
        self,
        file: Annotated[ImageFile, Field(description="A JPEG, PNG or WebP image.")],
        describe: Annotated[Provider | None, Field(description="Who is to put the prediction into words.")] = None,
    ) -> Prediction:
        """Classify one screenshot."""
        started = perf_counter()
        pixels = await decoded(file, *self.size)
        (seen,) = await self._seen([file], [pixels], started)
        answer = Prediction(**dict(seen), model=self.version, request_id=request_id())
        if describe is not None:
            told = await descriptions.describe(
                describe, category=seen.category, probabilities=seen.probabilities, image=file.data
            )
            answer.description, answer.description_reason = told.text, told.reason
        return answer

    @bentoml.api(route="/predict/images")  # type: ignore[untyped-decorator]
    async def predict_images(
        self,
        files: Annotated[
            list[ImageFile], Field(min_length=1, max_length=MOST_FILES, description="JPEG, PNG or WebP images.")
        ],
    ) -> Predictions:
        """Classify up to 32 screenshots; one that can't be read fails alone."""
        started = perf_counter()
        found = await each_decoded(files, *self.size)
        read = [(file, one) for file, one in zip(files, found, strict=True) if not isinstance(one, PlatformError)]
        seen = iter(await self._seen([file for file, _ in read], [pixels for _, pixels in read], started))
        results = [
            _failure(file, one) if isinstance(one, PlatformError) else OneOfMany(**dict(next(seen)), filename=file.name)
            for file, one in zip(files, found, strict=True)
        ]
        return Predictions(results=results, model=self.version, request_id=request_id())

    async def _seen(self, files: Sequence[ImageFile], pixels: Sequence[Any], started: float) -> list[Seen]:
        """Predict images in one batch, and note each prediction to be stored."""
        if not files:
            return []
        predicted = await self.model([(one,) for one in pixels], sum(len(file.data) for file in files))
        seconds = perf_counter() - started
        # Where images are kept they are encrypted: a millisecond for each megabyte.
        return await asyncio.to_thread(
            lambda: [_noted(file, one, seconds) for file, one in zip(files, predicted, strict=True)]
        )


def _noted(file: ImageFile, predicted: dict[str, Any], seconds: float) -> Seen:
    category, chances = predicted["label"], predicted["probabilities"]
    known = {"category": category, "confidence": chances[category], "probabilities": chances}
    id = remember(**known, filename=file.name, processing_time=seconds, image=file.data)
    return Seen(prediction_id=id, processing_time=seconds, **known)


def _failure(file: ImageFile, error: PlatformError) -> Failure:
    fault = Fault(code=error.code, message=error.message, details=error.details)
    return Failure(prediction_id=remember(filename=file.name, error=error.message), error=fault, filename=file.name)
