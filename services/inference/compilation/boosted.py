"""Converters for XGBoost's and LightGBM's estimators, alone or in a Pipeline: sums and thresholds in their own type."""

import copy
from typing import Any

import numpy as np

from services.inference.arrays import assembler
from services.inference.compilation.ensemble import Ensemble, ensemble_of
from services.inference.compilation.forest import attributes
from services.inference.compilation.nodes import Nodes
from services.inference.signature import Signature


def classify(scope: Any, operator: Any, container: Any) -> None:
    """The class of the highest probability."""
    model, nodes = operator.raw_operator, Nodes(scope, operator, container)
    ensemble = _read(model)
    if ensemble.link not in ("sigmoid", "softmax"):
        raise ValueError("a classifier whose sums are no probabilities")
    chances = _answers(nodes, ensemble)
    count = max(ensemble.targets) + 1
    if count == 1:
        rest = nodes.add("Sub", nodes.constant(np.array(1, ensemble.dtype)), chances)
        chances = nodes.add("Concat", rest, chances, axis=1)
    if len(model.classes_) != max(count, 2):
        raise ValueError("a classifier of several labels a row")
    nodes.add("Cast", chances, output=nodes.outputs[1], to=_DOUBLE)
    nodes.label(model, nodes.add("ArgMax", chances, axis=1, keepdims=0))


def regress(scope: Any, operator: Any, container: Any) -> None:
    """The numbers, one for each target."""
    nodes = Nodes(scope, operator, container)
    nodes.add("Cast", _answers(nodes, _read(operator.raw_operator)), output=nodes.outputs[0], to=_DOUBLE)


def shape_numbers(operator: Any) -> None:
    """As many numbers a row as there are targets."""
    from skl2onnx.common.data_types import DoubleTensorType

    operator.outputs[0].set_type(DoubleTensorType([None, max(_read(operator.raw_operator).targets) + 1]))


def told_of_zeros(model: Any, signature: Signature) -> Any:
    """The model, or a copy whose XGBoost takes zeros for missing: for a Pipeline that hands it sparse rows.

    XGBoost takes whatever a sparse matrix leaves out for missing; the rows of a graph are dense.
    """
    final = model.steps[-1][1] if hasattr(model, "steps") else model
    if final is model or not hasattr(final, "get_booster"):
        return model
    row = tuple(signature.example[field.name] for field in signature.inputs)
    if not hasattr(model[:-1].transform(assembler(signature)([row])), "tocsr"):
        return model
    if not np.isnan(final.missing):
        raise ValueError(f"sparse rows in which {final.missing} is missing too have no ONNX form here")
    model = copy.deepcopy(model)
    model.steps[-1][1].missing = 0.0
    return model


_DOUBLE = 11  # ONNX's number for float64


def _read(model: Any) -> Ensemble:
    ensemble = ensemble_of(model)
    if ensemble is None or not ensemble.trees:
        raise ValueError(f"the {type(model).__name__} has no trees")
    return ensemble


def _answers(nodes: Nodes, ensemble: Ensemble) -> str:
    """The sums (rows, targets) through the link, computed as both libraries write it and in the type that they use."""

    def number(value: float) -> str:
        return nodes.constant(np.array(value, ensemble.dtype))

    row = nodes.x_as(ensemble.dtype)
    if ensemble.missing is not None:
        row = nodes.add("Where", nodes.add("Equal", row, number(ensemble.missing)), number(np.nan), row)
    values = nodes.trees(row, attributes(ensemble.trees, ensemble.targets, ensemble.weights, ensemble.dtype))
    if ensemble.divisor != 1:
        values = nodes.add("Div", values, number(ensemble.divisor))
    if ensemble.factor != 1:
        values = nodes.add("Mul", values, number(ensemble.factor))
    if ensemble.link == "softmax":
        return nodes.add("Softmax", values, axis=1)
    if ensemble.link == "sigmoid":
        below = nodes.add("Add", nodes.add("Exp", nodes.add("Neg", values)), number(1))
        return nodes.add("Div", number(1), below)
    if ensemble.link == "exp":
        return nodes.add("Exp", values)
    if ensemble.link == "signed square":
        return nodes.add("Mul", values, nodes.add("Abs", values))
    return values
