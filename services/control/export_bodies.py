"""What the control plane answers of exported endpoints."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from registry.catalog import Endpoint, EndpointStatus
from services import exports
from services.control.paging import Items, Paged, Text


class ExportsAsked(Paged):
    """Which endpoints are asked for, and in which order."""

    sort: Literal[
        "name", "-name", "created_at", "-created_at", "last_used_at", "-last_used_at", "total_requests", "-total_requests"
    ] = Field("name", description="`-` descends.")  # fmt: skip
    status: EndpointStatus | None = Field(None, description="Only endpoints of this status.")
    name: Text | None = Field(None, description="Only endpoints whose names begin so.")
    framework: Text | None = Field(None, description="Only endpoints whose models are of this framework.")


class ExportRow(BaseModel):
    """One endpoint in a list: what `modelport list -o json` says, and its id."""

    id: int = Field(examples=[7])
    endpoint: str = Field(description="Its name.", examples=["churn"])
    status: EndpointStatus
    model: str = Field(examples=["churn"])
    version: str = Field(examples=["3"])
    framework: str = Field(examples=["sklearn"])
    runtime: str = Field(description="What serves it.", examples=["onnx"])
    bento: str = Field(examples=["churn:vcdb31684"])
    created_at: datetime
    last_used_at: datetime | None
    total_requests: int = Field(examples=[12043])

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """The row of an endpoint."""
        return cls(id=endpoint.id, **exports.summary(endpoint))


class ExportDetails(ExportRow):
    """One endpoint in full: what `modelport show -o json` says."""

    path: str = Field(description="Its address on every server.", examples=["/api/predict/churn"])
    url: str = Field(description="The same on this server.", examples=["http://127.0.0.1:3000/api/predict/churn"])
    docs_url: str = Field(examples=["http://127.0.0.1:3000/docs"])
    curl: str = Field(description="A line to paste, with the key in `$KEY`.", examples=["curl -s http://…"])
    status_reason: str | None = Field(examples=[None])
    rate_limit: str = Field(description="Calls each key may make.", examples=["100/minute"])
    sha256: str = Field(description="Digest of the model file.")
    signature: dict[str, Any] = Field(description="Its columns, their types, and an example.")
    report: dict[str, Any] = Field(description="What was proved and timed at export.")

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """An endpoint in full."""
        return cls(**exports.details(endpoint))


class ExportList(Items[ExportRow]):
    """A page of endpoints."""
