"""Converter for the clusterers that predict the nearest of their centres."""

from typing import Any

import numpy as np

from services.inference.compilation.nodes import Nodes


def nearest(scope: Any, operator: Any, container: Any) -> None:
    """The label of the nearest centre.

    As scikit-learn finds it (`sklearn.metrics._pairwise_distances_reduction`): the squared distance without the row's own
    square, which is the same for every centre and, for a row far out, drowns their differences.
    """
    model, nodes = operator.raw_operator, Nodes(scope, operator, container)
    centres = np.asarray(getattr(model, "subcluster_centers_", getattr(model, "cluster_centers_", None)), "float64")
    labels = getattr(model, "subcluster_labels_", np.arange(len(centres)))
    product = nodes.add("MatMul", nodes.x_as("float64"), nodes.constant(-2 * centres.T))
    squares = nodes.constant(np.einsum("ij,ij->i", centres, centres))
    distances = nodes.add("Add", product, squares, output=nodes.outputs[1])
    best = nodes.add("ArgMin", distances, axis=1, keepdims=0)
    nodes.add("Gather", nodes.constant(np.asarray(labels, "int64")), best, output=nodes.outputs[0], axis=0)
