"""Fitted decision trees as the attributes of ONNX's `TreeEnsemble` operator, without rounding a threshold or a weight.

https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html; ONNX Runtime computes it in the type of its input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True)
class Tree:
    """One tree, an entry a node: the row goes left where `row[feature] <= threshold`, and NaN where `missing_left` says."""

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    is_leaf: Array

    @property
    def leaves(self) -> Array:
        """The nodes that are leaves, in their order."""
        return np.flatnonzero(self.is_leaf)


_NOTHING = np.zeros(1, "int64")
ROOT = Tree(_NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, np.ones(1, bool))  # a tree that is one leaf


def tree_of(estimator: Any, columns: Array | None = None) -> Tree:
    """The tree of a DecisionTree or ExtraTree; `columns` are those of the whole input that this tree was given."""
    tree = estimator.tree_
    feature = tree.feature if columns is None else np.asarray(columns)[np.maximum(tree.feature, 0)]
    leaf = tree.children_left == -1
    missing = tree.missing_go_to_left.astype(bool)
    return Tree(feature, tree.threshold, tree.children_left, tree.children_right, missing, leaf)


def boosted_tree_of(predictor: Any) -> Tree:
    """A tree of a HistGradientBoosting model, which has no splits on categories."""
    nodes = predictor.nodes
    if nodes["is_categorical"].any():
        raise ValueError("splits on categories have no ONNX form here")
    left, right = nodes["left"].astype("int64"), nodes["right"].astype("int64")
    leaf, missing = nodes["is_leaf"].astype(bool), nodes["missing_go_to_left"].astype(bool)
    return Tree(nodes["feature_idx"], nodes["num_threshold"], left, right, missing, leaf)


def attributes(trees: Sequence[Tree], targets: Sequence[int], weights: Sequence[Array], dtype: str) -> dict[str, Any]:
    """The attributes of one operator that sums, for each target, its trees' weights; `weights` has one for each leaf.

    With dtype float32 the thresholds are the largest float32 not above them: for a float32 row that compares the same.
    """
    from onnx.numpy_helper import from_array

    parts: list[dict[str, Array]] = []
    nodes, leaves = 0, 0
    for tree in trees:
        parts.append(_nodes(tree, nodes, leaves))
        nodes += len(parts[-1]["nodes_featureids"])
        leaves += len(tree.leaves)
    sizes = [len(part["nodes_featureids"]) for part in parts]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    splits = floor32(whole.pop("splits")) if dtype == "float32" else whole.pop("splits")
    return {
        "n_targets": max(targets) + 1,
        "aggregate_function": 1,  # SUM
        "post_transform": 0,
        "tree_roots": np.cumsum([0, *sizes[:-1]]).tolist(),
        "nodes_modes": from_array(np.zeros(nodes, "uint8")),  # BRANCH_LEQ
        "nodes_splits": from_array(splits.astype(dtype)),
        "leaf_targetids": np.repeat(targets, [len(tree.leaves) for tree in trees]).tolist(),
        "leaf_weights": from_array(np.concatenate(weights).astype(dtype)),
        **{name: values.astype("int64").tolist() for name, values in whole.items()},
    }


def _nodes(tree: Tree, nodes: int, leaves: int) -> dict[str, Array]:
    """The inner nodes of one tree, the first of which gets the number `nodes`; a tree that is a leaf needs one too."""
    inner = np.flatnonzero(~tree.is_leaf)
    number = np.where(tree.is_leaf, np.cumsum(tree.is_leaf) - 1 + leaves, np.cumsum(~tree.is_leaf) - 1 + nodes)
    if not len(inner):
        zero, one, leaf = np.zeros(1, "int64"), np.ones(1, "int64"), number[:1]
        return _named(zero, zero.astype("float64"), zero, leaf, one, leaf, one)
    left, right = tree.left[inner], tree.right[inner]
    return _named(
        tree.feature[inner],
        tree.threshold[inner],
        tree.missing_left[inner],
        number[left],
        tree.is_leaf[left],
        number[right],
        tree.is_leaf[right],
    )


def _named(
    feature: Array, split: Array, missing: Array, left: Array, left_leaf: Array, right: Array, right_leaf: Array
) -> dict[str, Array]:
    return {
        "nodes_featureids": feature,
        "splits": split,
        "nodes_missing_value_tracks_true": missing,
        "nodes_truenodeids": left,
        "nodes_trueleafs": left_leaf,
        "nodes_falsenodeids": right,
        "nodes_falseleafs": right_leaf,
    }


def floor32(values: Array) -> Array:
    """The largest float32 that isn't above each float64."""
    single = values.astype("float32")
    return np.where(single > values, np.nextafter(single, np.float32(-np.inf)), single)
