"""A single decision tree as plain data, for the runtime that walks it: nodes and the prediction of every leaf."""

from typing import Any

import numpy as np

from services.inference.compilation.forest import Array, floor32, tree_of
from services.inference.predictions import Labels, numbers
from services.inference.signature import Signature

_MOST = 20_000  # nodes: a larger tree takes memory by the hundred bytes a node, and ONNX Runtime has it in thirty
_LARGEST = float(np.finfo("float64").max)
_WHOLE = 2.0**53  # as far as float64 counts: a threshold below divides larger integers rightly, rounded or not


def walk_of(model: Any, signature: Signature) -> dict[str, Any] | None:
    """The tree of a fitted DecisionTree or ExtraTree, JSON-ready; None for any other model.

    `nodes` holds `[feature, threshold, left, right, missing]`, the last three being numbers of nodes, or ~n for the leaf
    n; `leaves` the predictions. The first node is the root.
    """
    if not hasattr(model, "tree_") or model.n_outputs_ > 1 or model.tree_.node_count > _MOST:
        return None
    tree, (output,) = tree_of(model), signature.outputs
    thresholds = np.minimum(turns(tree.threshold), _LARGEST)  # infinite ones part the missing from all numbers
    split = np.abs(thresholds[~tree.is_leaf])
    if not ((split < _WHOLE) | (split == _LARGEST)).all():
        return None
    values = model.tree_.value[tree.leaves, 0, :]
    if signature.task == "classification":
        leaves = Labels(output)(model.classes_[values.argmax(axis=1)], values)
    else:
        leaves = numbers(values)
    number = np.where(tree.is_leaf, -np.cumsum(tree.is_leaf), np.cumsum(~tree.is_leaf) - 1)
    inner = np.flatnonzero(~tree.is_leaf)
    left, right = number[tree.left[inner]], number[tree.right[inner]]
    missing = np.where(tree.missing_left[inner], left, right)
    columns = (tree.feature[inner], thresholds[inner], left, right, missing)
    return {"nodes": list(zip(*(column.tolist() for column in columns), strict=True)), "leaves": leaves}


def turns(thresholds: Array) -> Array:
    """For each threshold the largest float64 that, rounded to float32 as scikit-learn does with a row, isn't above it."""
    below = floor32(thresholds)
    middle = (below.astype("float64") + np.nextafter(below, np.float32(np.inf)).astype("float64")) / 2
    to_even = below.view("uint32") % 2 == 0  # a number in the middle is rounded to the neighbour whose last bit is 0
    return np.where(to_even, middle, np.nextafter(middle, -np.inf))
