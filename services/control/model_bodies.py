"""What the control plane reads and answers of models."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from registry.catalog import Model
from registry.uploads import parts_of
from services.control.paging import Items, Paged, Text
from services.models import Listed

_SORTS = Literal["created_at", "-created_at", "name", "-name", "size_bytes", "-size_bytes"]


class ModelsAsked(Paged):
    """Which models are asked for, and in which order."""

    sort: _SORTS = Field("-created_at", description="`-` descends.")
    name: Text | None = Field(None, description="Only versions of the model of this name.")
    framework: Text | None = Field(None, description="Only models of this framework.")


class ModelRow(BaseModel):
    """One version of a model."""

    id: int = Field(examples=[12])
    name: str = Field(examples=["churn"])
    version: int = Field(examples=[3])
    framework: str = Field(examples=["onnx"])
    sha256: str = Field(description="Digest of the model's file.")
    size_bytes: int = Field(examples=[48213])
    created_at: datetime
    uploaded: bool = Field(description="Whether its file is kept here, so that it can be exported.")
    file_name: str | None = Field(description="What the uploaded file was called.", examples=["churn.onnx"])
    exported: bool = Field(description="Whether a Bento was built of it.")
    endpoints: list[str] = Field(description="The endpoints that serve it.", examples=[["churn"]])

    @classmethod
    def of(cls, listed: Listed) -> Self:
        """The row of a model."""
        return cls(**_row(*listed))


class ModelDetails(ModelRow):
    """One version of a model in full."""

    runtime: str = Field(description="What serves it, or would without being compiled.", examples=["onnx"])
    signature: dict[str, Any] = Field(description="Its columns or tensors, their types, its task, and an example.")
    report: dict[str, Any] = Field(description="What its export proved and measured; empty before.")

    @classmethod
    def of(cls, listed: Listed) -> Self:
        """A model in full."""
        model = listed.model
        return cls(**_row(*listed), runtime=model.runtime, signature=model.signature, report=model.report)


class ModelList(Items[ModelRow]):
    """A page of models."""


def _row(model: Model, endpoints: list[str]) -> dict[str, Any]:
    known = model.model_dump(include={"id", "name", "version", "framework", "sha256", "size_bytes", "created_at"})
    file_name = parts_of(model).file_name if model.upload is not None else None
    state = {"uploaded": model.upload is not None, "exported": model.is_built}
    return known | state | {"file_name": file_name, "endpoints": endpoints}
