"""What answers an endpoint's requests: a loaded model behind its reader, as one handler per path."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from registry.errors import InvalidInput
from services.inference.batching import Batcher, plan
from services.inference.decoding import decoded
from services.inference.forms import FormHandler
from services.inference.instances import InstanceReader, Row
from services.inference.runtimes import Runtime
from services.inference.signature import Signature
from services.inference.stored import load_model
from services.multipart import Fields

ONE_FILE = Fields(files=("file",))
Handler = Callable[[bytes, str], Awaitable[bytes]]  # body and request id to the answer's body


@dataclass(frozen=True)
class Servable:
    """A loaded endpoint: its handlers by path, which version they are, and what they weigh."""

    handlers: Mapping[str, Handler]
    version: str
    size_bytes: int


class Predictor:
    """Rows to the answer of an endpoint; shared by the direct path and by BentoML's own route."""

    def __init__(
        self, signature: Signature, runtime: Runtime, model: str, version: str, timings: Mapping[str, float]
    ) -> None:
        """`timings` are the runtime's, as `batching.plan` takes them."""
        self.read = InstanceReader(signature)
        self._runtime = runtime
        self._model = {"name": model, "version": version}
        self._after = b',"model":%b,"request_id":"' % to_json(self._model)
        planned = plan(timings)
        self._batcher = Batcher(runtime.predict, planned) if planned is not None else None
        self._image = signature.image
        self.on_form = None if self._image is None else FormHandler(ONE_FILE, self._answer_form, alone=False)
        is_quick = self._batcher is None and self._image is None
        self.at_once = self._at_once if is_quick else None  # for whoever can't wait

    async def __call__(self, body: bytes, request_id: str) -> bytes:
        if self._batcher is None:
            return self._at_once(body, request_id)
        rows = self.read(body)
        return self._written(await self._batcher(rows, len(body)), request_id)

    def _at_once(self, body: bytes, request_id: str) -> bytes:
        return self._written(self._runtime.predict(self.read(body)), request_id)

    async def _answer_form(self, values: Mapping[str, Any], request_id: str) -> bytes:
        """The answer to an image that came as a file."""
        if "file" not in values:
            raise InvalidInput("Missing required field: file", {"missing_fields": ["file"]})
        assert self._image is not None
        height, width, channels = self._image.shape
        pixels = await decoded(values["file"], int(height or 0), int(width or 0), grey=channels == 1)
        rows = [(pixels,)]
        if self._batcher is None:
            return self._written(self._runtime.predict(rows), request_id)
        return self._written(await self._batcher(rows, pixels.nbytes), request_id)

    def _written(self, predictions: list[Any], request_id: str) -> bytes:
        # The same as an object's to_json, of which only the predictions change; no id holds what JSON would escape.
        return b'{"predictions":%b%b%b"}' % (to_json(predictions), self._after, request_id.encode())

    def answer(self, rows: list[Row], request_id: str) -> dict[str, Any]:
        """The answer as an object."""
        return {"predictions": self._runtime.predict(rows), "model": self._model, "request_id": request_id}


def load_predictor(tag: str, model: str, version: str) -> Predictor:
    """The model that BentoML's store keeps under `tag`, as an endpoint's version; raises what `load_model` raises."""
    stored = load_model(tag)
    return Predictor(stored.signature, stored.runtime, model, version, stored.timings)
