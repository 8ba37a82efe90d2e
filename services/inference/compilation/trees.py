"""Converters for scikit-learn's trees and forests, in place of skl2onnx's own.

Those round the leaves' weights to float32, so that a vote of 50 to 50 may go the other way, and leave out where missing
values go. Here everything is as the original computes it: thresholds compared in float32, means taken in float64 and in
the order of the trees.
"""

from typing import Any

import numpy as np

from services.inference.compilation.forest import attributes, tree_of
from services.inference.compilation.nodes import Nodes

Array = Any

_COUNTED = 2**24  # leaves: as far as float32 counts


def classify(scope: Any, operator: Any, container: Any) -> None:
    """A tree's or a forest's classes: the mean of the probabilities in the leaves that a row falls into."""
    model, nodes = operator.raw_operator, Nodes(scope, operator, container)
    estimators = list(getattr(model, "estimators_", [model]))
    chances = _mean_of_leaves(nodes, estimators, single=model.n_outputs_ == 1)
    if model.n_outputs_ == 1:
        nodes.add("Identity", chances, output=nodes.outputs[1])
        nodes.label(model, nodes.add("ArgMax", chances, axis=1, keepdims=0))
        return
    nodes.add("Transpose", chances, output=nodes.outputs[1], perm=[1, 0, 2])  # outputs, rows, classes
    best = nodes.add("ArgMax", chances, axis=2, keepdims=0)
    columns = []
    for index, classes in enumerate(model.classes_):
        column = nodes.add("Gather", best, nodes.constant(np.array([index])), axis=1)
        columns.append(nodes.add("Gather", nodes.constant(nodes.plain(classes)), column, axis=0))
    nodes.add("Concat", *columns, output=nodes.outputs[0], axis=1)


def regress(scope: Any, operator: Any, container: Any) -> None:
    """A tree's or a forest's numbers: the mean of the leaves."""
    model, nodes = operator.raw_operator, Nodes(scope, operator, container)
    estimators = list(getattr(model, "estimators_", [model]))
    if model.n_outputs_ > 1:
        means = _mean_of_leaves(nodes, estimators, single=False)
        nodes.add("Squeeze", means, nodes.constant(np.array([2])), output=nodes.outputs[0])
        return
    trees = [tree_of(estimator) for estimator in estimators]
    weights = [estimator.tree_.value[tree.leaves, 0, 0] for estimator, tree in zip(estimators, trees, strict=True)]
    row = nodes.cast(nodes.x_as("float32"), "float64")
    total = nodes.trees(row, attributes(trees, [0] * len(trees), weights, "float64"))
    nodes.add("Div", total, nodes.constant(np.float64(len(trees))), output=nodes.outputs[0])


def _mean_of_leaves(nodes: Nodes, estimators: list[Any], single: bool) -> str:
    """The mean of the values in the leaves (rows, outputs, classes); each tree answers the number of its leaf, which is
    exact in float32."""
    trees = [tree_of(estimator) for estimator in estimators]
    values = [estimator.tree_.value[tree.leaves] for estimator, tree in zip(estimators, trees, strict=True)]
    table = np.concatenate(values)
    if len(table) > _COUNTED:
        raise ValueError(f"a forest of more than {_COUNTED} leaves")
    numbers = np.split(np.arange(len(table)), np.cumsum([len(part) for part in values])[:-1])
    found = nodes.trees(nodes.x_as("float32"), attributes(trees, range(len(trees)), numbers, "float32"))
    leaves = nodes.cast(found, "int64")
    held = nodes.constant(table[:, 0, :] if single else table)
    one = nodes.constant(np.array([1]))
    if len(trees) == 1:
        return nodes.add("Gather", held, nodes.add("Squeeze", leaves, one), axis=0)
    total = nodes.add("ReduceSum", nodes.add("Gather", held, leaves, axis=0), one, keepdims=0)
    return nodes.add("Div", total, nodes.constant(np.float64(len(trees))))


def isolate(scope: Any, operator: Any, container: Any) -> None:
    """IsolationForest: -1 for the rows that few splits set apart, and the score that says so."""
    model, nodes = operator.raw_operator, Nodes(scope, operator, container)
    pairs = list(zip(model.estimators_, model.estimators_features_, strict=True))
    trees = [tree_of(estimator, columns) for estimator, columns in pairs]
    paths = zip(model._decision_path_lengths, model._average_path_length_per_tree, trees, strict=True)
    depths = [(length + rest - 1.0)[tree.leaves] for length, rest, tree in paths]
    row = nodes.cast(nodes.x_as("float32"), "float64")
    total = nodes.trees(row, attributes(trees, [0] * len(trees), depths, "float64"))
    share = nodes.add("Div", nodes.add("Neg", total), nodes.constant(np.float64(_usual_depth(model))))
    score = nodes.add("Neg", nodes.add("Pow", nodes.constant(np.float64(2)), share))
    decision = nodes.add("Sub", score, nodes.constant(np.float64(model.offset_)), output=nodes.outputs[1])
    is_outlier = nodes.add("Less", decision, nodes.constant(np.float64(0)))
    sides = nodes.constant(np.int64(-1)), nodes.constant(np.int64(1))
    nodes.add("Where", is_outlier, *sides, output=nodes.outputs[0])


def _usual_depth(model: Any) -> float:
    from sklearn.ensemble._iforest import _average_path_length

    depth = len(model.estimators_) * float(_average_path_length([model._max_samples])[0])
    if depth == 0:
        raise ValueError("an IsolationForest of single rows")
    return depth
