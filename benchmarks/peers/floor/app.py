"""The floor: the least that can answer. One ASGI function on uvicorn (uvloop, httptools) that reads the body, parses it
with pydantic-core, runs the same compiled model in ONNX Runtime, and answers. It checks nothing.

`app.py GRAPH.onnx PORT`
"""

import sys
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from pydantic_core import from_json, to_json

DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(string)": object,
}
HEADERS = [(b"content-type", b"application/json")]

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
INPUTS = [(put.name, DTYPES[put.type]) for put in session.get_inputs()]
outputs = [put.name for put in session.get_outputs()]
WANTED = [name for name in ("label", "probabilities") if name in outputs] or outputs[:1]


def feeds(rows: list[Any]) -> dict[str, Any]:
    """The rows as one array, or as a column for each input."""
    if len(INPUTS) == 1:
        ((name, dtype),) = INPUTS
        return {name: np.array(rows, dtype)}
    return {name: np.array([[row[name]] for row in rows], dtype) for name, dtype in INPUTS}


def predict(rows: list[Any]) -> list[Any]:
    """Labels with their probabilities, or numbers."""
    found = [values.tolist() for values in session.run(WANTED, feeds(rows))]
    if len(found) == 1:
        return found[0]
    return [{"label": label, "probabilities": chances} for label, chances in zip(*found, strict=True)]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer whatever is posted."""
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    answer = to_json({"predictions": predict(from_json(body)["rows"])})
    headers = [*HEADERS, (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[2]), loop="uvloop", http="httptools", lifespan="off",
        log_level="warning", access_log=False, server_header=False, date_header=False,
    )  # fmt: skip
