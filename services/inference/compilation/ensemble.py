"""What XGBoost and LightGBM have in common: trees whose leaves are summed, and a function that the sums go through."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from services.inference.compilation.forest import Tree

Array = Any
Link = Literal["identity", "exp", "sigmoid", "softmax", "signed square"]


@dataclass(frozen=True)
class Ensemble:
    """A boosted model, taken apart: the sums are taken in `dtype`, which is also the one that rows are compared in.

    `weights` has one number for each leaf of each tree, `targets` says which sum a tree adds to. A sum is divided by
    `divisor` (a mean) and multiplied by `factor` before it goes through `link`. A number equal to `missing` counts as NaN.
    """

    trees: Sequence[Tree]
    weights: Sequence[Array]
    targets: Sequence[int]
    dtype: Literal["float32", "float64"]
    link: Link
    factor: float = 1.0
    divisor: int = 1
    missing: float | None = None


def ensemble_of(model: Any) -> Ensemble | None:
    """The trees of an XGBoost or LightGBM estimator, None for any other model; ValueError for what has no ONNX form."""
    if hasattr(model, "get_booster"):
        from services.inference.compilation.xgboost_trees import read
    elif hasattr(model, "booster_"):
        from services.inference.compilation.lightgbm_trees import read
    else:
        return None
    return read(model)
