"""XGBoost: its estimators from joblib files, and the models in its own `.ubj` and `.json` files, which load as estimators."""

import json
from pathlib import Path
from typing import Any

from services.inference.runtimes.sklearn import SklearnRuntime, load_boosted, predicting
from services.inference.signature import Signature


def load(path: Path) -> Any:
    """The estimator in a file."""
    return load_boosted(path, "XGBoost", _read)


def _read(path: Path) -> Any:
    from xgboost import Booster

    return estimator(Booster(model_file=path))


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
