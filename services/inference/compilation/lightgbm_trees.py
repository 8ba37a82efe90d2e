"""Reads a LightGBM model's trees out of its text form.

A row goes left where it is not above the threshold, in float64; two bits of a split's `decision_type` say where missing
values go (`include/LightGBM/tree.h` in its sources): NaN is a missing value of its own, or stands for zero.
"""

from typing import Any

import numpy as np

from services.inference.compilation.ensemble import Ensemble, Link
from services.inference.compilation.forest import Tree

Array = Any

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_NAN_IS_ZERO, _ZERO_IS_MISSING, _NAN_IS_MISSING = 0, 1, 2

_LINKS: dict[str, Link] = {
    "binary": "sigmoid",
    "cross_entropy": "sigmoid",
    "multiclass": "softmax",
    "multiclassova": "sigmoid",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "lambdarank": "identity",
    "rank_xendcg": "identity",
}


def read(model: Any) -> Ensemble:
    """The trees up to the best iteration, where training stopped early: these its `predict` asks."""
    header, *blocks = model.booster_.model_to_string().partition("\nend of trees")[0].split("\nTree=")
    about = _values(header)
    objective, *options = about.get("objective", "custom").split()
    if objective not in _LINKS:
        raise ValueError(f"the objective {objective} has no ONNX form here")
    link = "signed square" if objective == "regression" and "sqrt" in options else _LINKS[objective]
    held = [_values(block) for block in blocks]
    together = int(about["num_tree_per_iteration"])
    return Ensemble(
        trees=[_tree(one) for one in held],
        weights=[_numbers(one, "leaf_value") for one in held],
        targets=[index % together for index in range(len(held))],
        dtype="float64",
        link=link,
        factor=next((float(one.removeprefix("sigmoid:")) for one in options if one.startswith("sigmoid:")), 1.0),
        divisor=len(held) // together if "average_output" in header.split() else 1,
    )


def _values(block: str) -> dict[str, str]:
    lines = [line.partition("=") for line in block.splitlines()]
    return {name: value for name, _, value in lines}


def _numbers(held: dict[str, str], name: str, dtype: str = "float64") -> Array:
    return np.array(held.get(name, "").split(), dtype)


def _tree(held: dict[str, str]) -> Tree:
    """One tree, its inner nodes first; LightGBM numbers a leaf by the complement of its position."""
    if held.get("is_linear", "0") != "0":
        raise ValueError("linear trees have no ONNX form here")
    kinds = _numbers(held, "decision_type", "int64")
    if (kinds & _CATEGORICAL).any():
        raise ValueError("splits on categories have no ONNX form here")
    inner, leaves = len(kinds), int(held["num_leaves"])
    missing, threshold = (kinds >> 2) & 3, _numbers(held, "threshold")
    if (missing == _ZERO_IS_MISSING).any():
        raise ValueError("`zero_as_missing` has no ONNX form here")
    goes_left = np.where(missing == _NAN_IS_MISSING, (kinds & _DEFAULT_LEFT) > 0, threshold >= 0)
    children = [_numbers(held, name, "int64") for name in ("left_child", "right_child")]
    left, right = (np.where(child >= 0, child, inner + ~child) for child in children)
    none, zero = np.full(leaves, -1), np.zeros(leaves)
    return Tree(
        feature=np.concatenate([_numbers(held, "split_feature", "int64"), none]),
        threshold=np.concatenate([threshold, zero]),
        left=np.concatenate([left, none]),
        right=np.concatenate([right, none]),
        missing_left=np.concatenate([goes_left, zero.astype(bool)]),
        is_leaf=np.arange(inner + leaves) >= inner,
    )
