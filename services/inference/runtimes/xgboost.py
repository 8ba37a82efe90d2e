"""XGBoost: its estimators from joblib files, and the models in its own `.ubj` and `.json` files, which load as estimators."""

import json
from pathlib import Path
from typing import Any

from registry.errors import ExportError
from services.inference.runtimes import PICKLES
from services.inference.runtimes.sklearn import SklearnRuntime, lacking, predicting
from services.inference.runtimes.sklearn import load as load_pickle
from services.inference.signature import Signature


def load(path: Path) -> Any:
    """The estimator in a file."""
    if path.suffix.lower() in PICKLES:
        return load_pickle(path)
    try:
        from xgboost import Booster
    except ModuleNotFoundError as error:
        raise lacking(path, error) from None
    try:
        return estimator(Booster(model_file=path))
    except Exception as error:  # XGBoostError, or whatever JSON that is no model leads to
        raise ExportError(
            f"{path.name}: truncated, or not a model that XGBoost saved ({type(error).__name__})"
        ) from None


def estimator(booster: Any) -> Any:
    """A bare Booster as XGBoost's scikit-learn interface has it: a classifier with probabilities, up to the best
    iteration where training stopped early."""
    from xgboost import XGBClassifier, XGBRanker, XGBRegressor

    objective: str = json.loads(booster.save_config())["learner"]["objective"]["name"]
    kinds = {"binary": XGBClassifier, "multi": XGBClassifier, "rank": XGBRanker}
    model = kinds.get(objective.partition(":")[0], XGBRegressor)()
    model.load_model(booster.save_raw())
    return model


def load_runtime(path: Path, signature: Signature) -> SklearnRuntime:
    """The estimator at `path`, ready to predict."""
    return predicting(load(path), signature)
