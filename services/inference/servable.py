"""What answers an endpoint's requests: a loaded model behind its reader, as one handler per path."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from services.inference.instances import InstanceReader, Row
from services.inference.runtimes import Runtime, load_runtime
from services.inference.signature import Signature

Handler = Callable[[bytes, str], Awaitable[bytes]]  # body and request id to the answer's body

INLINE_BELOW = 0.002  # seconds a row: below, a thread hop costs more than it frees


@dataclass(frozen=True)
class Servable:
    """A loaded endpoint: its handlers by path, which version they are, and what they weigh."""

    handlers: Mapping[str, Handler]
    version: str
    size_bytes: int


class Predictor:
    """Rows to the answer of an endpoint; shared by the direct path and by BentoML's own route."""

    def __init__(
        self, signature: Signature, runtime: Runtime, model: str, version: str, seconds_per_row: float
    ) -> None:
        self.read = InstanceReader(signature)
        self._runtime = runtime
        self._model = {"name": model, "version": version}
        self._inline = seconds_per_row < INLINE_BELOW

    async def __call__(self, body: bytes, request_id: str) -> bytes:
        rows = self.read(body)
        predict = self._runtime.predict
        predictions = predict(rows) if self._inline else await asyncio.to_thread(predict, rows)
        return to_json({"predictions": predictions, "model": self._model, "request_id": request_id})

    def answer(self, rows: list[Row], request_id: str) -> dict[str, Any]:
        """The answer as an object."""
        return {"predictions": self._runtime.predict(rows), "model": self._model, "request_id": request_id}

    def warm_up(self, example: dict[str, Any]) -> None:
        """Predict the signature's example once, so that no caller pays for the first call."""
        self._runtime.predict(self.read.rows({"instances": [example]}))


def load_predictor(tag: str, model: str, version: str) -> Predictor:
    """The model that BentoML's store keeps under `tag`, verified, loaded and warmed up.

    Raises ExportError or ModelError when it no longer loads or no longer predicts its own example.
    """
    import bentoml

    from services.inference.manifest import verify

    stored = bentoml.models.get(tag)
    metadata: dict[str, Any] = dict(stored.info.metadata)
    folder = Path(stored.path)
    verify(folder, metadata["files"])
    signature = Signature.model_validate_json(str(metadata["signature"]))
    runtime = load_runtime(str(metadata["framework"]), folder / str(metadata["file"]), signature)
    predictor = Predictor(signature, runtime, model, version, float(metadata["seconds_per_row"]))
    predictor.warm_up(signature.example)
    return predictor
