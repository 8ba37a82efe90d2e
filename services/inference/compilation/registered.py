"""Hands skl2onnx our own converters, for models as they are and inside Pipelines and ensembles."""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from services.inference.compilation import boosted, boosting, imputer, linear, nearest, trees

Converter = Callable[[Any, Any, Any], None]

_CLASSIFIER = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


def register() -> None:
    """Do so, once in a process and for each framework that some model has made Python import."""
    _register_sklearn()
    for name in ("xgboost", "lightgbm"):
        if name in sys.modules:
            _register_boosted(name)


@cache
def _register_sklearn() -> None:
    from sklearn import cluster, ensemble, impute, linear_model, svm, tree

    for found in (tree.DecisionTreeClassifier, tree.ExtraTreeClassifier):
        _classifier(found, trees.classify)
    for found in (ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier):
        _classifier(found, trees.classify)
    for found in (tree.DecisionTreeRegressor, tree.ExtraTreeRegressor):
        _regressor(found, trees.regress)
    for found in (ensemble.RandomForestRegressor, ensemble.ExtraTreesRegressor):
        _regressor(found, trees.regress)
    for found in (ensemble.GradientBoostingClassifier, ensemble.HistGradientBoostingClassifier):
        _classifier(found, boosting.classify)
    for found in (ensemble.GradientBoostingRegressor, ensemble.HistGradientBoostingRegressor):
        _regressor(found, boosting.regress)
    for found in (linear_model.RidgeClassifier, linear_model.RidgeClassifierCV, svm.LinearSVC):
        _classifier(found, linear.decide)
    for found in (
        cluster.KMeans,
        cluster.MiniBatchKMeans,
        cluster.MeanShift,
        cluster.AffinityPropagation,
        cluster.Birch,
    ):
        _register(found, nearest.nearest, _shape_labels, {"gemm": [True, False]})
    _register(impute.SimpleImputer, imputer.impute, imputer.shape, None)
    _register(ensemble.IsolationForest, trees.isolate, _shape_labels, {"score_samples": [True, False]})


@cache
def _register_boosted(name: str) -> None:
    found = vars(sys.modules[name])
    for classifier in ("XGBClassifier", "XGBRFClassifier", "LGBMClassifier"):
        if classifier in found:
            _classifier(found[classifier], boosted.classify)
    for regressor in ("XGBRegressor", "XGBRFRegressor", "XGBRanker", "LGBMRegressor", "LGBMRanker"):
        if regressor in found:
            _register(found[regressor], boosted.regress, boosted.shape_numbers, None)


def _classifier(found: type, convert: Converter) -> None:
    _register(found, convert, _shape_classifier, _CLASSIFIER)


def _regressor(found: type, convert: Converter) -> None:
    _register(found, convert, _shape_regressor, None)


def _register(found: type, convert: Converter, shape: Callable[[Any], None], options: Any) -> None:
    from skl2onnx import update_registered_converter

    # A name of its own: skl2onnx has one converter, and one name, for LogisticRegression and RidgeClassifier.
    update_registered_converter(found, f"Modelport{found.__name__}", shape, convert, options=options)


def _shape_classifier(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)
    operator.outputs[1].set_type(DoubleTensorType(operator.outputs[1].type.shape))


def _shape_regressor(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType

    outputs = getattr(operator.raw_operator, "n_outputs_", 1)
    operator.outputs[0].set_type(DoubleTensorType([None, outputs]))


def _shape_labels(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType

    operator.outputs[0].set_type(Int64TensorType([None, 1]))
    operator.outputs[1].set_type(DoubleTensorType([None, 1]))
