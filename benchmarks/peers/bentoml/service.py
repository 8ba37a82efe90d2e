"""BentoML as its documentation's first page does it: `bentoml serve service:Service`, one worker, everything by default.

No batching (`batchable=True`) by default: it waits for company. BENTOML_CONFIG is not set; access logs go to the log file.
BENCH_VARIANT: `def` runs the API in BentoML's thread pool, `async def` on the event loop.
"""

import os
from typing import Any

import bentoml
from predictors import MODEL, load
from shapes import Customer

Rows: Any = {"pipeline": list[Customer], "lstm": list[list[list[float]]]}.get(MODEL, list[list[float]])


def plain(rows: list[Any]) -> list[Any]:
    """The rows as lists and dicts."""
    return [row.model_dump() for row in rows] if MODEL == "pipeline" else rows


if os.environ["BENCH_VARIANT"].startswith("async"):

    @bentoml.service
    class Service:
        def __init__(self) -> None:
            self.predict_rows = load()

        @bentoml.api
        async def predict(self, rows: Rows) -> list[Any]:
            return self.predict_rows(plain(rows))

else:

    @bentoml.service
    class Service:
        def __init__(self) -> None:
            self.predict_rows = load()

        @bentoml.api
        def predict(self, rows: Rows) -> list[Any]:
            return self.predict_rows(plain(rows))
