"""Reads an XGBoost model's trees out of its JSON form.

https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html has the schema. XGBoost works in float32 throughout,
and a row goes left where it is below the threshold: the same as not above the float32 before it.
"""

import json
from typing import Any

import numpy as np

from services.inference.compilation.ensemble import Ensemble, Link
from services.inference.compilation.forest import ROOT, Tree

Array = Any

_LINKS: dict[str, Link] = {
    "binary:logistic": "sigmoid",
    "reg:logistic": "sigmoid",
    "multi:softmax": "softmax",
    "multi:softprob": "softmax",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:absoluteerror": "identity",
    "reg:quantileerror": "identity",
    "rank:ndcg": "identity",
    "rank:map": "identity",
    "rank:pairwise": "identity",
}


def read(model: Any) -> Ensemble:
    """The trees up to the best iteration, where training stopped early: these its `predict` asks."""
    document = json.loads(model.get_booster().save_raw("json"))
    learner = document["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]["name"]
    if booster != "gbtree":
        raise ValueError(f"XGBoost's {booster} has no ONNX form here")
    if objective not in _LINKS:
        raise ValueError(f"the objective {objective} has no ONNX form here")
    held = learner["gradient_booster"]["model"]
    best = getattr(model, "best_iteration", None)
    count = len(held["trees"]) if best is None else held["iteration_indptr"][best + 1]
    found, targets = held["trees"][:count], held["tree_info"][:count]
    start = _start(document, model.n_features_in_)
    return Ensemble(
        trees=[*[ROOT] * len(start), *[_tree(one) for one in found]],
        weights=[*start.reshape(-1, 1), *[_leaves(one) for one in found]],
        targets=[*range(len(start)), *targets],
        dtype="float32",
        link=_LINKS[objective],
        missing=None if np.isnan(model.missing) else float(model.missing),
    )


def _tree(found: dict[str, Any]) -> Tree:
    if any(found["split_type"]):
        raise ValueError("splits on categories have no ONNX form here")
    if int(found["tree_param"]["size_leaf_vector"]) > 1:
        raise ValueError("trees that answer several numbers have no ONNX form here")
    left, right = np.array(found["left_children"]), np.array(found["right_children"])
    below = np.nextafter(np.array(found["split_conditions"], "float32"), np.float32(-np.inf)).astype("float64")
    return Tree(np.array(found["split_indices"]), below, left, right, np.array(found["default_left"], bool), left == -1)


def _leaves(found: dict[str, Any]) -> Array:
    return np.array(found["split_conditions"], "float32")[np.array(found["left_children"]) == -1]


def _start(document: dict[str, Any], columns: int) -> Array:
    """What the sums begin with, in the last bit too: what XGBoost answers when the leaves of its first trees are zero."""
    import xgboost

    held = document["learner"]["gradient_booster"]["model"]
    count = held["iteration_indptr"][1]
    first = held | {
        "trees": [tree | {"split_conditions": [0.0] * len(tree["split_conditions"])} for tree in held["trees"][:count]],
        "tree_info": held["tree_info"][:count],
        "iteration_indptr": [0, count],
        "gbtree_model_param": held["gbtree_model_param"] | {"num_trees": str(count)},
    }
    learner = document["learner"] | {"gradient_booster": {"name": "gbtree", "model": first}, "feature_names": []}
    booster = xgboost.Booster(model_file=bytearray(json.dumps(document | {"learner": learner}).encode()))
    margins: Array = booster.inplace_predict(np.zeros((1, columns), "float32"), predict_type="margin")
    return margins.ravel()
