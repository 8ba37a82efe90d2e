"""LitServe: one worker on the CPU, and its ZeroMQ queue, which its documentation offers for high throughput.

No batching: `max_batch_size` above 1 waits for company. No pydantic model: LitServe is faster on the bare document.
"""

import os
from typing import Any

import litserve
from predictors import load


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.predict_rows = load()

    def decode_request(self, request: dict[str, Any]) -> list[Any]:
        return request["rows"]

    def predict(self, rows: list[Any]) -> list[Any]:
        return self.predict_rows(rows)

    def encode_response(self, output: list[Any]) -> dict[str, Any]:
        return {"predictions": output}


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1, fast_queue=True)
    port = int(os.environ["BENCH_PORT"])
    server.run(host="127.0.0.1", port=port, log_level="warning", access_log=False, generate_client_file=False)
