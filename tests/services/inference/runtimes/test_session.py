"""ONNX Runtime runs here and tells nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SESSION = """
import onnx
from onnx import TensorProto, helper
from services.inference.runtimes.session import open_session

put, got = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", [put], [got])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
assert open_session(model.SerializeToString()).run(None, {"x": [2.0]})[0].tolist() == [2.0]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it keeps what it will report elsewhere on other systems")
def test_the_library_reports_nothing(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name and "XDG" not in name}
    root = str(Path(__file__).parents[4])
    subprocess.run([sys.executable, "-c", SESSION], env={**kept, "HOME": str(tmp_path)}, cwd=root, check=True)
    assert [path.name for path in tmp_path.rglob("*")] == []
