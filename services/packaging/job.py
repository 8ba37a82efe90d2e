"""What the exporting process asks of its children, and what they answer: JSON files in a folder of their own."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from services.inference.signature import Pixels
from services.packaging.limits import Limits


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
    input: Literal["image"] | None = None
    pixels: Pixels | None = None
    compile: bool = False
    limits: Limits | None = None  # of a model that came from elsewhere

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

    def described(self) -> "Described":
        """What the model turned out to be."""
        return Described.model_validate_json(self.answer("describe_model").read_text())

    def choice(self) -> "Choice":
        """Which runtime is to serve the model."""
        return Choice.model_validate_json(self.answer("compile_model").read_text())

    def built(self) -> "Built":
        """The result of the build."""
        return Built.model_validate_json(self.answer(f"build_{self.kind}").read_text())

    @property
    def path(self) -> Path:
        """The staged model."""
        return self.folder / "model" / self.file

    def compiled(self, runtime: str) -> Path:
        """The folder for the model as it is compiled for a runtime, which holds nothing else."""
        return self.folder / "compiled" / runtime


Timings = dict[str, float]  # seconds a call by the number of its rows (JSON's keys are text)


class Described(BaseModel):
    """What a model turned out to be, and what it predicts for its sample."""

    framework: str
    signature: dict[str, Any]
    rows: list[list[Any]]  # JSON-ready, positional
    expected: list[Any]  # what the original model predicts for them
    timings: Timings
    packages: list[str] = []  # libraries that its file needs beside its framework
    remarks: list[str] = []


class Admitted(BaseModel):
    """What an uploaded file turned out to be."""

    format: str
    framework: str
    sha256: str  # as an export of it takes it
    signature: dict[str, Any]
    remarks: list[str] = []


class Choice(BaseModel):
    """The runtime that serves a model, and what speaks for it."""

    runtime: str
    timings: dict[str, Timings]  # by runtime
    proof: dict[str, Any] | None = None  # the compiled model's, chosen or not
    reason: str | None = None  # why the model is not served compiled

    @property
    def seconds_per_row(self) -> float:
        """What one row takes the chosen runtime."""
        return self.timings[self.runtime]["1"]


class Built(BaseModel):
    """What the build learnt."""

    signature: dict[str, Any]
    runtime: str
    framework: str
    size_bytes: int
    import_path: str | None = None
    rate_limit: str | None = None  # what a hand-written service's keys get where nobody says otherwise
    models: list[str] = []
    choice: Choice | None = None  # a hand-written service chooses for itself
    rows: list[list[Any]] = []  # as in Described
    expected: list[Any] = []
    remarks: list[str] = []


class Replayed(BaseModel):
    """What the replay proved."""

    answers: int


class Failure(BaseModel):
    """Why a child gave up, in one line."""

    message: str
