"""Converters for scikit-learn's two kinds of gradient boosting, in place of skl2onnx's own: sums in float64, thresholds
as the original compares them, missing values to their side."""

from typing import Any

import numpy as np

from services.inference.compilation.forest import ROOT, attributes, boosted_tree_of, tree_of
from services.inference.compilation.nodes import Nodes

Array = Any


def classify(scope: Any, operator: Any, container: Any) -> None:
    """The class of the highest sum, with the loss's probabilities."""
    model, nodes = operator.raw_operator, Nodes(scope, operator, container)
    if container.get_options(model, {"raw_scores": False})["raw_scores"]:
        raise ValueError("another estimator asks boosting for its scores")
    loss = type(model._loss).__name__
    raw = _raw(nodes, model)
    if loss == "HalfMultinomialLoss":
        nodes.add("Softmax", raw, output=nodes.outputs[1], axis=1)
        nodes.label(model, nodes.add("ArgMax", raw, axis=1, keepdims=0))
        return
    if loss not in ("HalfBinomialLoss", "ExponentialLoss"):
        raise ValueError(f"the loss {loss} has no ONNX form here")
    double = nodes.add("Mul", raw, nodes.constant(np.float64(2))) if loss == "ExponentialLoss" else raw
    chance = nodes.add("Sigmoid", double)
    rest = nodes.add("Sub", nodes.constant(np.float64(1)), chance)
    nodes.add("Concat", rest, chance, output=nodes.outputs[1], axis=1)
    above = (
        "Greater" if hasattr(model, "_predictors") else "GreaterOrEqual"
    )  # a tie is the first class's, or the second's
    flat = nodes.add("Squeeze", raw, nodes.constant(np.array([1])))
    nodes.label(model, nodes.cast(nodes.add(above, flat, nodes.constant(np.float64(0))), "int64"))


def regress(scope: Any, operator: Any, container: Any) -> None:
    """The sum of the trees, through the inverse of the loss's link."""
    model, nodes = operator.raw_operator, Nodes(scope, operator, container)
    link = type(model._loss.link).__name__
    if link not in ("IdentityLink", "LogLink"):
        raise ValueError(f"the link {link} has no ONNX form here")
    nodes.add("Identity" if link == "IdentityLink" else "Exp", _raw(nodes, model), output=nodes.outputs[0])


def _raw(nodes: Nodes, model: Any) -> str:
    """The sums (rows, 1 or classes), each beginning with what the model answers before its first tree."""
    if hasattr(model, "_predictors"):
        row, start = nodes.x_as("float64"), np.ravel(model._baseline_prediction).tolist()
        stages = [[(boosted_tree_of(one), one.nodes["value"]) for one in stage] for stage in model._predictors]
    else:
        row, start = nodes.cast(nodes.x_as("float32"), "float64"), _start(model)
        stages = [[(tree_of(one), _scaled(one, model)) for one in stage] for stage in model.estimators_]
    stages = [[(ROOT, np.array([value])) for value in start], *stages]
    trees = [tree for stage in stages for tree, _ in stage]
    weights = [values[tree.leaves] for stage in stages for tree, values in stage]
    targets = [target for stage in stages for target in range(len(stage))]
    return nodes.trees(row, attributes(trees, targets, weights, "float64"))


def _scaled(estimator: Any, model: Any) -> Array:
    return model.learning_rate * estimator.tree_.value[:, 0, 0]


def _start(model: Any) -> list[float]:
    """What GradientBoosting starts from: zero, or the constants of its DummyEstimator."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if not isinstance(model.init_, str | DummyClassifier | DummyRegressor):
        raise ValueError("boosting that starts from another estimator")
    started: list[float] = model._raw_predict_init(np.zeros((1, model.n_features_in_), "float32"))[0].tolist()
    return started
