"""POST /traffic/classify: network flows in, the kind of application that makes such traffic out."""

import os

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

from typing import Any, Literal

import bentoml
from bentoml.models import BentoModel
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.guarded import GuardedService
from services.inference.row_forms import row_forms
from services.inference.stored import load_model
from services.request import request_id

DAY_S, DAY_MS, PACKETS, BYTES, SIZE = 86_400, 86_400_000, 10**9, 10**13, 65_535
# What the numbers in a list stand for: IP's own for the protocol, ours for the responder's port.
CODES = {
    "protocol": {6: "tcp", 17: "udp"},
    "port_class": {0: "web", 1: "well_known", 2: "registered", 3: "ephemeral"},
}

EXAMPLE: JsonDict = {
    "protocol": "udp",
    "port_class": "ephemeral",
    "duration_s": 24.0,
    "packets_up": 1200,
    "packets_down": 1194,
    "bytes_up": 156_000,
    "bytes_down": 155_220,
    "packet_size_mean_up": 130.0,
    "packet_size_mean_down": 130.0,
    "packet_size_std_up": 11.0,
    "packet_size_std_down": 12.5,
    "inter_arrival_mean_up_ms": 20.0,
    "inter_arrival_mean_down_ms": 20.1,
    "inter_arrival_std_up_ms": 2.1,
    "inter_arrival_std_down_ms": 3.4,
}


class Flow(BaseModel):
    """Everything seen with one 5-tuple, both directions; `up` is from the side that sent the first packet."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra={"examples": [EXAMPLE]}
    )

    protocol: Literal["tcp", "udp"] = Field(description="Transport protocol.")
    port_class: Literal["web", "well_known", "registered", "ephemeral"] = Field(description="Responder's port.")
    duration_s: float = Field(ge=0, le=DAY_S, description="First to last packet, seconds.")
    packets_up: int = Field(ge=1, le=PACKETS, description="Packets sent by the initiator.")
    packets_down: int = Field(ge=0, le=PACKETS, description="Packets sent by the responder.")
    bytes_up: int = Field(ge=0, le=BYTES, description="Bytes sent by the initiator.")
    bytes_down: int = Field(ge=0, le=BYTES, description="Bytes sent by the responder.")
    packet_size_mean_up: float = Field(ge=0, le=SIZE, description="Mean packet size, bytes.")
    packet_size_mean_down: float | None = Field(ge=0, le=SIZE, description="Bytes; null without a packet.")
    packet_size_std_up: float = Field(ge=0, le=SIZE, description="Spread of the packet size, bytes.")
    packet_size_std_down: float | None = Field(ge=0, le=SIZE, description="Bytes; null without a packet.")
    inter_arrival_mean_up_ms: float | None = Field(ge=0, le=DAY_MS, description="Mean gap; null below 2 packets.")
    inter_arrival_mean_down_ms: float | None = Field(ge=0, le=DAY_MS, description="Mean gap; null below 2 packets.")
    inter_arrival_std_up_ms: float | None = Field(ge=0, le=DAY_MS, description="Spread; null below 2 packets.")
    inter_arrival_std_down_ms: float | None = Field(ge=0, le=DAY_MS, description="Spread; null below 2 packets.")


class ModelVersion(BaseModel):
    """Which trained model answered."""

    name: str
    version: str


class Prediction(BaseModel):
    """The likeliest application, and how likely each is."""

    classification: str
    probabilities: dict[str, float]


class Classification(Prediction):
    """What one flow is."""

    model: ModelVersion
    request_id: str


class Classifications(BaseModel):
    """What many flows are, in their order."""

    predictions: list[Prediction]
    model: ModelVersion
    request_id: str


@bentoml.service(name="traffic_classifier", service_class=GuardedService)
class TrafficClassifier:
    """Tells streaming, browsing, gaming, voip and file transfer apart by the shape of their flows."""

    model = BentoModel("traffic_classifier:latest")

    def __init__(self) -> None:
        self.stored = load_model(self.model.tag)
        self.columns = [field.name for field in self.stored.signature.inputs]
        self.version = ModelVersion(name=self.stored.name, version=self.stored.version)

    @bentoml.api(route="/traffic/classify", input_spec=row_forms(Flow, CODES))  # type: ignore[untyped-decorator]
    def classify(self, **body: Any) -> Classification | Classifications:
        """Classify one flow by its statistics, or a batch of flows."""
        about = {"model": self.version, "request_id": request_id()}
        if body.get("instances") is None:
            return Classification(**self.predict([body])[0], **about)
        return Classifications(predictions=self.predict([dict(flow) for flow in body["instances"]]), **about)

    def predict(self, flows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A Prediction's fields for each flow."""
        rows = [tuple(flow[name] for name in self.columns) for flow in flows]
        return [
            {"classification": found["label"], "probabilities": found["probabilities"]}
            for found in self.stored.predict(rows)
        ]
