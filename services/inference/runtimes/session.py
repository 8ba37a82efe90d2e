"""How ONNX Runtime is asked to run a graph: the one place for its threads and its optimiser."""

import os
from pathlib import Path
from typing import Any

from registry.errors import ExportError
from services.inference.sample import first_line
from services.inference.threads import for_graph


def open_session(graph: Path | bytes) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU for a file or its bytes; ExportError when it is no runnable graph.

    One thread (see threads.for_graph) and no spinning: a worker's cores belong to its requests.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded; else it reports its use to Microsoft
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = for_graph()
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4  # what matters is raised
    source = str(graph) if isinstance(graph, Path) else graph
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises an exception type for each of its status codes
        raise ExportError(f"ONNX Runtime can't run this graph: {first_line(error)[:200]}") from None
