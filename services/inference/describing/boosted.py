"""What the signature of an XGBoost or LightGBM model needs beyond that of a scikit-learn model."""

from collections.abc import Sequence
from typing import Any

from services.inference.runtimes import BOOSTING
from services.inference.signature import Field


def library_of(model: Any) -> str | None:
    """`xgboost` or `lightgbm` where the last step of a model is one of theirs, else None."""
    while hasattr(model, "best_estimator_") or hasattr(model, "steps"):
        model = model.best_estimator_ if hasattr(model, "best_estimator_") else model.steps[-1][1]
    module = type(model).__module__.partition(".")[0]
    return module if module in BOOSTING else None


def open_for_missing(fields: tuple[Field, ...], model: Any) -> tuple[Field, ...]:
    """Every column of floats nullable, where boosted trees read the columns themselves: they learn where NaN goes."""
    if hasattr(model, "steps") or library_of(model) is None:
        return fields
    return tuple(
        field.model_copy(update={"nullable": True}) if field.dtype.startswith("float") else field for field in fields
    )


def spelled_out(names: list[str] | None, columns: Sequence[str]) -> list[str] | None:
    """The names that a model was fitted on as the sample spells them: LightGBM keeps `_` for every space in them."""
    if names is None or set(names) <= set(columns):
        return names
    spelled = {column.replace(" ", "_"): column for column in columns}
    return [spelled.get(name, name) for name in names]
