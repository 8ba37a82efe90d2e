"""What the exporting process asks of its children, and what they answer: JSON files in a folder of their own."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from registry.errors import PlatformError


class Job(BaseModel):
    """One export: where the staged files are, and the names that the result gets."""

    folder: Path  # holds the staged model or service, the job and the result
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


class Failure(BaseModel):
    """Why a child gave up, in one line."""

    message: str


def run(work: Callable[[Job], Any]) -> None:
    """The main function of a child: `python -m ... JOB.json`; a PlatformError becomes its one-line answer."""
    job = Job.model_validate_json(Path(sys.argv[1]).read_text())
    try:
        result = work(job)
    except PlatformError as error:
        (job.folder / "failure.json").write_text(Failure(message=error.message).model_dump_json())
        sys.exit(1)
    if result is not None:
        (job.folder / "built.json").write_text(result.model_dump_json())
