"""Run as a process: prints as JSON how many threads each library takes under the environment it was given."""

import json
import os
import sys

import joblib
import sklearn.ensemble  # noqa: F401  (loads OpenMP and both copies of OpenBLAS)
from onnx import TensorProto, helper
from threadpoolctl import threadpool_info

from services.inference.runtimes.session import open_session
from services.inference.threads import cores


def graph() -> bytes:
    """A graph that answers what it is given."""
    put = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None])
    answer = helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None])
    nodes = [helper.make_node("Identity", ["X"], ["Y"])]
    made = helper.make_model(helper.make_graph(nodes, "g", [put], [answer]), ir_version=10)
    made.opset_import[0].version = 17
    return bytes(made.SerializeToString())


def tensorflow() -> int:
    """The threads of TensorFlow's pool between operations: its setting stays 0 when the environment decides."""
    import tensorflow as tf

    tf.constant(1).numpy()
    tasks = "/proc/self/task"
    return sum(open(f"{tasks}/{task}/comm").read() == "tf_Compute\n" for task in os.listdir(tasks))


taken: dict[str, int] = {}
for pool in threadpool_info():
    taken[pool["user_api"]] = max(pool["num_threads"], taken.get(pool["user_api"], 0))
options = open_session(graph()).get_session_options()
taken |= {"joblib": joblib.effective_n_jobs(-1), "onnx": options.intra_op_num_threads, "cores": cores()}
if "tensorflow" in sys.argv:
    taken["tensorflow"] = tensorflow()
print(json.dumps(taken))
