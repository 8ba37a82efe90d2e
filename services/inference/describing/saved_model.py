"""Reads in a SavedModel's graph what its last layer does: the file keeps operations, no layers."""

from typing import Any

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_ACTIVATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}


def last_activation(function: Any, output: str) -> str | None:
    """`softmax` or `sigmoid` when that is the last thing done to this output of a serving signature."""
    graph = function.graph.as_graph_def()
    bodies = {body.signature.name: body for body in graph.library.function}
    nodes = {node.name: node for node in graph.node}
    source = function.outputs[sorted(function.structured_outputs).index(output)].name
    for _ in range(100):  # a chain of calls and identities is never longer
        name, _, rest = source.partition(":")
        node = nodes.get(name)
        if node is None:
            return None
        if node.op in _ACTIVATIONS:
            return _ACTIVATIONS[node.op]
        if node.op == "Identity":
            source = node.input[0]
        elif node.op in _CALLS and node.attr["f"].func.name in bodies:
            body = bodies[node.attr["f"].func.name]
            result = body.signature.output_arg[int(rest.rpartition(":")[2] or 0)].name
            nodes, source = {inner.name: inner for inner in body.node_def}, body.ret[result]
        else:
            return None
    return None
