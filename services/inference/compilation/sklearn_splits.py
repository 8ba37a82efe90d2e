"""Where a scikit-learn model's trees turn, in the columns and the units of a caller, for the proof's rows."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from services.inference.compilation.ensemble import Ensemble, ensemble_of
from services.inference.signature import Signature

Turns = Iterator[tuple[int, Any]]  # a column and its thresholds


def splits(model: Any, signature: Signature) -> dict[int, Any]:
    """Thresholds by column, as far as the way back to a column is simple: through scalers, and through ColumnTransformers
    that hand columns on or scale them. Elsewhere there are none, and the proof goes without."""
    names = [field.name for field in signature.inputs]
    found: dict[int, list[Any]] = defaultdict(list)
    for column, values in _turns(model, names):
        if column < len(names):
            found[column].append(np.asarray(values, "float64"))
    return {column: np.concatenate(values) for column, values in found.items()}


def _turns(model: Any, names: list[str]) -> Turns:
    if hasattr(model, "best_estimator_"):
        yield from _turns(model.best_estimator_, names)
    elif hasattr(model, "steps"):
        turns = list(_turns(model.steps[-1][1], names))
        for _, step in reversed(model.steps[:-1]):
            turns = [back for turn in turns for back in _before(step, turn, names)]
        yield from turns
    elif hasattr(model, "tree_"):
        yield from _grouped(model.tree_.feature, model.tree_.threshold, model.tree_.feature >= 0)
    elif hasattr(model, "_predictors"):
        for predictor in (predictor for stage in model._predictors for predictor in stage):
            nodes = predictor.nodes
            yield from _grouped(nodes["feature_idx"], nodes["num_threshold"], nodes["is_leaf"] == 0)
    elif (ensemble := _boosted(model)) is not None:
        for tree in ensemble.trees:
            yield from _grouped(tree.feature, tree.threshold, ~tree.is_leaf)
    elif hasattr(model, "estimators_"):
        for member in np.ravel(np.asarray(model.estimators_, dtype=object)):
            yield from _turns(member, names)


def _boosted(model: Any) -> Ensemble | None:
    try:
        return ensemble_of(model)
    except ValueError:  # the converter will say so
        return None


def _grouped(features: Any, thresholds: Any, inner: Any) -> Turns:
    for feature in np.unique(features[inner]):
        yield int(feature), thresholds[inner & (features == feature)]


def _before(step: Any, turn: tuple[int, Any], names: list[str]) -> Turns:
    """The turn as it is before a step: none where the step isn't a scaler or hands the column on."""
    column, values = turn
    if isinstance(step, str):  # "passthrough"
        yield turn
    elif hasattr(step, "transformers_"):
        yield from _before_columns(step, turn, names)
    elif hasattr(step, "steps"):
        turns = [turn]
        for _, inner in reversed(step.steps):
            turns = [back for one in turns for back in _before(inner, one, names)]
        yield from turns
    elif type(step).__module__ == "sklearn.preprocessing._data" and hasattr(step, "inverse_transform"):
        matrix = np.zeros((len(values), step.n_features_in_))
        if column < matrix.shape[1]:
            matrix[:, column] = values
            yield column, step.inverse_transform(matrix)[:, column]
    elif type(step).__name__ == "SimpleImputer" and column < step.n_features_in_:
        yield turn


def _before_columns(step: Any, turn: tuple[int, Any], names: list[str]) -> Turns:
    column, values = turn
    for name, inner, selected in step.transformers_:
        part = step.output_indices_[name]
        if not part.start <= column < part.stop:
            continue
        chosen = _positions(selected, names)
        for back, found in _before(inner, (column - part.start, values), names):
            if back < len(chosen):
                yield chosen[back], found


def _positions(selected: Any, names: list[str]) -> list[int]:
    """A ColumnTransformer's selector as positions."""
    import pandas as pd

    numbered = pd.DataFrame([range(len(names))], columns=names)
    if isinstance(selected, str):
        selected = [selected]
    is_named = not isinstance(selected, slice) and len(selected) and isinstance(next(iter(selected)), str)
    chosen = numbered.loc[:, selected] if is_named else numbered.iloc[:, selected]
    return [int(value) for value in chosen.to_numpy()[0]]
