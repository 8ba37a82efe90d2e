"""Models in BentoML's store, as an export or `save_model` put them there: verified, loaded, warmed up."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from registry.errors import ExportError
from services.inference.batching import Batcher, plan
from services.inference.instances import InstanceReader, Row
from services.inference.runtimes import Runtime, load_runtime
from services.inference.signature import Signature


class StoredModel:
    """A loaded model: `await model(rows)` shares its calls with other requests, `model.predict(rows)` is a call of its own.

    A row has one value for each of the signature's inputs: for a model of one tensor `(tensor,)`. Predictions are
    JSON-ready: a label with probabilities, a number, or nested lists of numbers. Raises ModelError when the model fails.
    """

    def __init__(self, name: str, version: str, signature: Signature, runtime: Runtime, metadata: Mapping[str, Any]):
        self.name, self.version = name, version
        self.signature, self.runtime, self.metadata = signature, runtime, metadata
        self.predict = runtime.predict
        planned = plan(self.timings)
        self._batcher = Batcher(runtime.predict, planned) if planned is not None else None

    @property
    def timings(self) -> Mapping[str, float]:
        """Seconds a call by rows of the runtime that was chosen, as they were measured when the model was stored."""
        found: Mapping[str, float] = self.metadata["timings"][self.metadata["runtime"]]
        return found

    async def __call__(self, rows: Sequence[Row], size: int = 0) -> list[Any]:
        """One prediction a row; `size` is the request's in bytes, for what may wait at once."""
        return self.predict(rows) if self._batcher is None else await self._batcher(rows, size)


def load_model(tag: Any) -> StoredModel:
    """The model that BentoML's store keeps under a tag.

    Raises ExportError or ModelError when it no longer loads or no longer predicts its own example.
    """
    import bentoml

    from services.inference.manifest import verify

    stored = bentoml.models.get(tag)
    metadata: dict[str, Any] = dict(stored.info.metadata)
    if "runtime" not in metadata:
        raise ExportError(f"the model {stored.tag} was not saved by save_model: train it again")
    folder = Path(stored.path)
    verify(folder, metadata["files"])
    signature = Signature.model_validate_json(str(metadata["signature"]))
    runtime = load_runtime(str(metadata["runtime"]), folder / str(metadata["file"]), signature)
    runtime.predict(_first(signature))  # no caller pays for it
    return StoredModel(stored.tag.name, str(stored.tag.version), signature, runtime, metadata)


def _first(signature: Signature) -> list[Row]:
    """The signature's example, or a black image."""
    if signature.image is None:
        return InstanceReader(signature).rows({"instances": [signature.example]})
    import numpy as np

    return [(np.zeros([size or 0 for size in signature.image.shape], "uint8"),)]
