"""Looks through the graph of a SavedModel before TensorFlow runs any of it: it must compute, and touch no file.

A SavedModel is a program. `tf.saved_model.load` runs its initialisers, and a call runs its signature: both stand in
the functions that the object graph names. What only the file's own graph reaches, its saving and restoring, is never run.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from registry.errors import ExportError
from services.packaging.saved_model_operations import OPERATIONS


def check_saved_model(folder: Path) -> None:
    """ExportError for a SavedModel that does anything but compute."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel()
    try:
        saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    except Exception:  # protobuf's own
        raise ExportError("saved_model.pb is truncated, or no SavedModel") from None
    if len(saved.meta_graphs) != 1 or not saved.meta_graphs[0].HasField("object_graph_def"):
        raise ExportError("the SavedModel is TensorFlow 1's: load it and save it again with TensorFlow 2")
    graph = saved.meta_graphs[0]
    if graph.asset_file_def:
        raise ExportError("the SavedModel reads files: save it without assets")
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    roots = set(graph.object_graph_def.concrete_functions)
    for node in graph.object_graph_def.nodes:
        if node.HasField("bare_concrete_function"):
            roots.add(node.bare_concrete_function.concrete_function_name)
        roots.update(node.function.concrete_functions)
    for function in _reached(roots, functions):
        for node in function.node_def:
            _check_operation(node.op)


def _reached(roots: Iterable[str], functions: dict[str, Any]) -> Iterator[Any]:
    """The functions of these names and all that they call; any attribute may name one."""
    waiting, seen = [name for name in roots if name in functions], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield functions[name]
        for node in functions[name].node_def:
            waiting.extend(called for called in _called(node) if called in functions)


def _called(node: Any) -> Iterator[str]:
    yield node.op  # a function may be called like an operation
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def _check_operation(name: str) -> None:
    from tensorflow.python.framework import op_def_registry

    known = op_def_registry.get(name)
    if known is None:
        if name.startswith("__inference"):  # a function, which is looked at itself
            return
        raise ExportError(f"the SavedModel needs an operation that TensorFlow doesn't have: {name[:100]}")
    if name not in OPERATIONS:
        raise ExportError(f"the SavedModel does more than to compute: it has the operation {name}")
