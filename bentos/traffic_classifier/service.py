"""POST /traffic/classify: one network flow in, the kind of application that makes such traffic out."""

import os

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")

from typing import Any, Literal

import bentoml
import pandas as pd
from bentoml.models import BentoModel
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.guarded import GuardedService
from services.request import request_id

DAY_S, DAY_MS, PACKETS, BYTES, SIZE = 86_400, 86_400_000, 10**9, 10**13, 65_535

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


class Classification(BaseModel):
    """The likeliest application, and how likely each is."""

    classification: str
    probabilities: dict[str, float]
    model: ModelVersion
    request_id: str


@bentoml.service(name="traffic_classifier", service_class=GuardedService)
class TrafficClassifier:
    """Tells streaming, browsing, gaming, voip and file transfer apart by the shape of their flows."""

    model = BentoModel("traffic_classifier:latest")

    def __init__(self) -> None:
        self.pipeline = bentoml.sklearn.load_model(self.model)
        self.labels = [str(label) for label in self.pipeline.classes_]
        self.version = ModelVersion(name=self.model.tag.name, version=str(self.model.tag.version))

    @bentoml.api(route="/traffic/classify", input_spec=Flow)  # type: ignore[untyped-decorator]
    def classify(self, **flow: Any) -> Classification:
        """Classify one flow by its statistics."""
        chances = self.pipeline.predict_proba(one_row(flow))[0].tolist()
        best = max(range(len(chances)), key=chances.__getitem__)
        return Classification(
            classification=self.labels[best],
            probabilities=dict(zip(self.labels, chances, strict=True)),
            model=self.version,
            request_id=request_id(),
        )


def one_row(flow: dict[str, Any]) -> pd.DataFrame:
    """The flow as the pipeline was trained on it: text columns as text, all others as float64, None as NaN."""
    columns = {
        name: pd.array([value], dtype="str" if isinstance(value, str) else "float64") for name, value in flow.items()
    }
    return pd.DataFrame(columns)
