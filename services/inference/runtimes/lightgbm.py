"""LightGBM: its estimators from joblib files, and the models in its own `.txt` files, which load as estimators."""

from pathlib import Path
from typing import Any

import numpy as np

from services.inference.runtimes.sklearn import SklearnRuntime, load_boosted, predicting
from services.inference.signature import Signature

_CLASSIFIES = ("binary", "multiclass", "multiclassova")
_END = b"end of parameters"  # in the text that LightGBM saves; it reads one that ends before that without a word


def load(path: Path) -> Any:
    """The estimator in a file; classes that only a text file is known of are numbers from zero."""
    return load_boosted(path, "LightGBM", _read)


def _read(path: Path) -> Any:
    from lightgbm import Booster

    if _END not in path.read_bytes():
        raise EOFError
    return estimator(Booster(model_file=path))


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
