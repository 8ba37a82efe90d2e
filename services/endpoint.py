"""The service that `export` packages as one model's Bento: `bentoml serve NAME:latest` answers POST /api/predict/NAME.

One module serves every model: the Bento's arguments say which. No `from __future__ import annotations` here: BentoML
reads the annotations of `predict` while this module is being imported.
"""

import os

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

import json
from typing import Any

import bentoml
from bentoml.models import BentoModel
from pydantic import BaseModel, GetJsonSchemaHandler, RootModel, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from registry.errors import InvalidInput
from services.guarded import GuardedService
from services.inference.instances import InstanceReader
from services.inference.schemas import prediction_schema, request_schema
from services.inference.servable import load_predictor
from services.inference.signature import Signature
from services.request import current, request_id


class Args(BaseModel):
    """What a Bento fixes when it is built."""

    endpoint: str
    model: str  # a pinned tag, never `:latest`
    version: str


args = bentoml.use_arguments(Args)
signature = Signature.model_validate(json.loads(str(bentoml.models.get(args.model).info.metadata["signature"])))
read_rows = InstanceReader(signature).rows


class Instances(RootModel[Any]):
    """A request: what InstanceReader accepts, as a pydantic model for BentoML's own route."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, document: Any) -> Any:
        try:
            return read_rows(document)
        except InvalidInput as error:
            request = current()
            if request is not None:
                request.fault = error
            raise PydanticCustomError("invalid_input", "{reason}", {"reason": error.message}) from None

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return request_schema(signature)


class ModelVersion(BaseModel):
    """Which model answered."""

    name: str
    version: str


class Prediction(RootModel[Any]):
    """One prediction, in the shape of the model's task."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return prediction_schema(signature)


class Predictions(BaseModel):
    """A response: one prediction per row, in their order."""

    predictions: list[Prediction]
    model: ModelVersion
    request_id: str


class Endpoint:
    """One exported model."""

    model = BentoModel(args.model)

    def __init__(self) -> None:
        self.predictor = load_predictor(args.model, args.endpoint, args.version)
        self.handlers = {f"/api/predict/{args.endpoint}": self.predictor}

    @bentoml.api(route=f"/api/predict/{args.endpoint}")  # type: ignore[untyped-decorator]
    def predict(self, payload: Instances, /) -> Predictions:
        """Predict one row or many."""
        return Predictions.model_validate(self.predictor.answer(payload.root, request_id()))


service = bentoml.service(service_class=GuardedService, name="endpoint")(Endpoint)
