"""What the exporting process asks of its children, and what they answer: JSON files in a folder of their own."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel


class Job(BaseModel):
    """One export: where the staged files are, and the names that the result gets."""

    folder: Path  # holds the staged model or service, the job and the results
    parent: int  # the exporting process; its children end with it
    endpoint: str
    bento_version: str
    model_version: str
    kind: str  # `model` or `service`
    file: str = ""  # the model's file or folder inside `folder/model`
    framework: str = ""
    sample: Path | None = None
    classes: list[str] | None = None

    @property
    def bento(self) -> str:
        """The tag of the Bento to build, and of the model to store."""
        return f"{self.endpoint}:{self.bento_version}"

    def answer(self, step: str) -> Path:
        """Where a step that succeeded writes its result."""
        return self.folder / f"{step}.json"

    def failure(self, step: str) -> Path:
        """Where a step that failed writes why."""
        return self.folder / f"{step}.failure.json"

    def built(self) -> "Built":
        """The result of the build."""
        return Built.model_validate_json(self.answer(f"build_{self.kind}").read_text())


class Built(BaseModel):
    """What the build learnt."""

    signature: dict[str, Any]
    runtime: str
    framework: str
    size_bytes: int
    import_path: str | None = None
    models: list[str] = []
    seconds_per_row: float = 0.0
    rows: list[list[Any]] = []  # JSON-ready, positional
    expected: list[Any] = []  # what the original model predicts for them
    remarks: list[str] = []


class Replayed(BaseModel):
    """What the replay proved."""

    answers: int


class Failure(BaseModel):
    """Why a child gave up, in one line."""

    message: str
