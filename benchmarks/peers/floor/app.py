"""The floor: the least that can answer. One ASGI function on uvicorn (uvloop, httptools) that reads the body, parses it
with pydantic-core, runs the same compiled model (a graph in ONNX Runtime, or a tree that is walked), and answers. It
checks nothing.

`app.py MODEL PORT`
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from pydantic_core import from_json, to_json

HEADERS = [(b"content-type", b"application/json")]


def tree(nodes: list[Any], leaves: list[Any]) -> Callable[[list[Any]], list[Any]]:
    """A function of rows that walks the tree."""

    def leaf(row: list[Any]) -> int:
        node = 0
        while node >= 0:
            feature, threshold, left, right, _ = nodes[node]
            node = left if row[feature] <= threshold else right
        return node

    return lambda rows: [leaves[~leaf(row)] for row in rows]


def graph(path: str) -> Callable[[list[Any]], list[Any]]:
    """A function of rows that runs the graph: labels with their probabilities, or numbers."""
    import numpy as np
    import onnxruntime

    dtypes = {
        "tensor(float)": np.float32,
        "tensor(double)": np.float64,
        "tensor(int64)": np.int64,
        "tensor(string)": object,
    }
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = [(put.name, dtypes[put.type]) for put in session.get_inputs()]
    outputs = [put.name for put in session.get_outputs()]
    wanted = [name for name in ("label", "probabilities") if name in outputs] or outputs[:1]

    def feeds(rows: list[Any]) -> dict[str, Any]:
        if len(inputs) == 1:
            ((name, dtype),) = inputs
            return {name: np.array(rows, dtype)}
        return {name: np.array([[row[name]] for row in rows], dtype) for name, dtype in inputs}

    def predict(rows: list[Any]) -> list[Any]:
        found = [values.tolist() for values in session.run(wanted, feeds(rows))]
        if len(found) == 1:
            return list(found[0])
        return [{"label": label, "probabilities": chances} for label, chances in zip(*found, strict=True)]

    return predict


model = Path(sys.argv[1]).read_bytes()
predict = tree(**json.loads(model)) if model.startswith(b"{") else graph(sys.argv[1])


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
