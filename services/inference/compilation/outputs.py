"""Gives a converted graph the inputs and outputs that the runtime expects, and drops what no caller reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from services.inference.compilation import NotCompiled
from services.inference.signature import Signature


def name_inputs(model: Any, names: Sequence[str]) -> None:
    """Call the inputs by the names of the columns, whatever characters these have."""
    inputs = model.graph.input
    taken = {"label", "probabilities", "prediction"}.intersection(names)
    if taken:
        raise NotCompiled(f"a column has the name of an output: {', '.join(sorted(taken))}")
    if len(inputs) != len(names):
        raise NotCompiled(f"the graph has {len(inputs)} inputs for {len(names)} columns")
    _rename(model.graph, {put.name: name for put, name in zip(inputs, names, strict=True)})
    for put, name in zip(inputs, names, strict=True):
        put.name = name


def name_outputs(model: Any, signature: Signature) -> None:
    """Call the outputs `label` with `probabilities`, or `prediction`; several outputs are taken apart and numbered."""
    graph = model.graph
    if signature.task == "classification" and len(signature.outputs) > 1:
        _take_apart(graph, signature)
        return
    names = ["prediction" if signature.task == "regression" else "label"]
    if signature.task == "classification" and signature.outputs[0].probabilities:
        names.append("probabilities")
    kept = list(graph.output)[: len(names)]
    _rename(graph, {output.name: name for output, name in zip(kept, names, strict=True)})
    for output, name in zip(kept, names, strict=True):
        output.name = name
    _keep(graph, kept)


def _take_apart(graph: Any, signature: Signature) -> None:
    """Labels (rows, outputs) and probabilities, a sequence or (outputs, rows, classes), into two tensors an output."""
    from onnx import TensorProto, helper

    labels, chances = graph.output[0], graph.output[1]
    kind = labels.type.tensor_type.elem_type
    sequence = chances.type.HasField("sequence_type")
    tensor = chances.type.sequence_type.elem_type.tensor_type if sequence else chances.type.tensor_type
    if not sequence and len(tensor.shape.dim) != 3:
        raise NotCompiled("a classifier that answers several labels of one kind a row")
    kept = []
    for index, output in enumerate(signature.outputs):
        at = f"modelport_at_{index}"
        graph.initializer.append(helper.make_tensor(at, TensorProto.INT64, [], [index]))
        graph.node.append(helper.make_node("Gather", [labels.name, at], [f"label_{index}"], axis=1))
        kept.append(helper.make_tensor_value_info(f"label_{index}", kind, [None]))
        if not output.probabilities:
            continue
        part, name = f"modelport_part_{index}", f"probabilities_{index}"
        read = helper.make_node("SequenceAt" if sequence else "Gather", [chances.name, at], [part])
        positions = np.arange(len(output.classes or ()))  # the rest is there to fill up
        graph.initializer.append(helper.make_tensor(f"{at}_kept", TensorProto.INT64, positions.shape, positions))
        graph.node.extend([read, helper.make_node("Gather", [part, f"{at}_kept"], [name], axis=1)])
        kept.append(helper.make_tensor_value_info(name, tensor.elem_type, [None, len(positions)]))
    _keep(graph, kept)


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _keep(graph: Any, outputs: Sequence[Any]) -> None:
    """These as the only outputs, and only the nodes and constants that they need."""
    outputs = [type(output).FromString(output.SerializeToString()) for output in outputs]
    del graph.output[:]
    graph.output.extend(outputs)
    needed, nodes = {output.name for output in outputs}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    constants = [constant for constant in graph.initializer if constant.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(constants)
