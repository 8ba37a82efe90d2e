"""Ray Serve: one replica, an `async` handler on the bare request, RAY_SERVE_THROUGHPUT_OPTIMIZED=1 (see contenders.py).

`max_ongoing_requests` is above the connections, because its default of 5 would queue in the proxy.
No dashboard. HAProxy, which its documentation adds for many replicas, needs a binary of its own and isn't used.
"""

import os
import signal
import tempfile
from typing import Any

import ray
from predictors import load
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=128, logging_config={"enable_access_log": False})
class Model:
    def __init__(self) -> None:
        self.predict_rows = load()

    async def __call__(self, request: Request) -> dict[str, Any]:
        return {"predictions": self.predict_rows((await request.json())["rows"])}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        ray.init(include_dashboard=False, log_to_driver=False, _temp_dir=folder)
        serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["BENCH_PORT"])})
        serve.run(Model.bind(), route_prefix="/predict")
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        ray.shutdown()
