"""A SavedModel from elsewhere may compute, and nothing else: its operations are known one by one."""

from pathlib import Path

import pytest

from registry.errors import ExportError
from services.packaging.saved_model import check_saved_model
from services.packaging.saved_model_operations import OPERATIONS

pytestmark = pytest.mark.slow  # TensorFlow is imported


def saved_model(folder: Path, operation: str, *, named_by: str = "concrete function") -> Path:
    """A SavedModel with one function of one operation."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel()
    graph = saved.meta_graphs.add()
    function = graph.graph_def.library.function.add()
    function.signature.name = "__inference_f_1"
    function.node_def.add(name="node", op=operation)
    if named_by == "concrete function":
        graph.object_graph_def.concrete_functions["__inference_f_1"].SetInParent()
    node = graph.object_graph_def.nodes.add()
    if named_by == "function":
        node.function.concrete_functions.append("__inference_f_1")
    elif named_by == "bare function":
        node.bare_concrete_function.concrete_function_name = "__inference_f_1"
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    return folder


# Each is registered as stateless: what it reads stands in an attribute, or it ends the process.
ODD = (
    "ImmutableConst",
    "Abort",
    "GenerateVocabRemapping",
    "EncodeProto",
    "DecodeProtoV2",
    "PyFunc",
    "ReadFile",
    "None",
)


@pytest.mark.parametrize("operation", ODD)
def test_an_operation_that_does_more_than_to_compute_is_refused(tmp_path: Path, operation: str) -> None:
    with pytest.raises(ExportError, match=operation):
        check_saved_model(saved_model(tmp_path, operation))


@pytest.mark.parametrize("named_by", ["concrete function", "function", "bare function"])
def test_whatever_names_the_function(tmp_path: Path, named_by: str) -> None:
    with pytest.raises(ExportError, match="ReadFile"):
        check_saved_model(saved_model(tmp_path, "ReadFile", named_by=named_by))
    check_saved_model(saved_model(tmp_path, "MatMul", named_by=named_by))


def test_no_operation_that_may_be_had_takes_a_path() -> None:
    from tensorflow.python.framework import op_def_registry

    for name in OPERATIONS:
        operation = op_def_registry.get(name)
        assert operation is not None, name
        named = [part.name for part in (*operation.attr, *operation.input_arg)]
        assert not [
            one for one in named if {"file", "filename", "path", "region", "descriptor"} & set(one.split("_"))
        ], name
