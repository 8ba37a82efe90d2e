"""LightGBM: its estimators from joblib files, and the models in its own `.txt` files, which load as estimators."""

from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ExportError
from services.inference.runtimes import PICKLES
from services.inference.runtimes.sklearn import SklearnRuntime, lacking, predicting
from services.inference.runtimes.sklearn import load as load_pickle
from services.inference.signature import Signature

_CLASSIFIES = ("binary", "multiclass", "multiclassova")
_END = b"end of parameters"  # in the text that LightGBM saves; it reads one that ends before that without a word


def load(path: Path) -> Any:
    """The estimator in a file; classes that only a text file is known of are numbers from zero."""
    if path.suffix.lower() in PICKLES:
        return load_pickle(path)
    try:
        from lightgbm import Booster
    except ModuleNotFoundError as error:
        raise lacking(path, error) from None
    reason = "incomplete"
    try:
        if _END in path.read_bytes():
            return estimator(Booster(model_file=path))
    except Exception as error:  # LightGBMError, or a ValueError over numbers that are none
        reason = type(error).__name__
    raise ExportError(f"{path.name}: truncated, or not a model that LightGBM saved ({reason})")


def estimator(booster: Any) -> Any:
    """A fitted estimator around a Booster; LightGBM has no call for this, only for the way back."""
    from lightgbm import LGBMClassifier, LGBMRegressor
    from sklearn.preprocessing import LabelEncoder

    objective = booster.dump_model(num_iteration=1).get("objective", "custom").split()[0]
    model = LGBMClassifier() if objective in _CLASSIFIES else LGBMRegressor()
    model._Booster, model._n_features, model._n_features_in = booster, booster.num_feature(), booster.num_feature()
    model._objective, model.fitted_ = objective, True
    model._fitted_with_feature_names = booster.feature_name() != [f"Column_{at}" for at in range(booster.num_feature())]
    if objective in _CLASSIFIES:
        model._n_classes = max(booster.num_model_per_iteration(), 2)
        model._classes = np.arange(model._n_classes)
        model._le = LabelEncoder().fit(model._classes)
    return model


def load_runtime(path: Path, signature: Signature) -> SklearnRuntime:
    """The estimator at `path`, ready to predict."""
    return predicting(load(path), signature)
