"""scikit-learn: estimators and Pipelines from joblib, pickle and skops files."""

import importlib
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from registry.errors import ExportError, ModelError, PlatformError
from services.inference.arrays import assembler
from services.inference.instances import Row
from services.inference.predictions import Labels, numbers, together
from services.inference.runtimes import BOOSTING, PICKLES
from services.inference.runtimes.files_named import check_reads_no_files
from services.inference.signature import Signature

# Their `predict` is by definition the class of the highest `predict_proba`, so one call gives both.
_LABEL_IS_LIKELIEST = ("sklearn.tree.", "sklearn.ensemble._forest", "xgboost.sklearn", "lightgbm.sklearn")

# What skops doesn't trust by itself though every tree, forest or k-NN is made of it (sklearn.tree._tree.Tree).
_SKLEARN_NAME = re.compile(r"sklearn(\.[a-z_]\w*)+\.\w+", re.ASCII)


def load(path: Path) -> Any:
    """The estimator in a `.joblib`, `.pkl` or `.skops` file. Unpickling runs code: see `--allow-pickle`."""
    if path.suffix.lower() == ".skops":
        return _load_skops(path)
    import joblib

    try:
        model = joblib.load(path)
    except ModuleNotFoundError as error:
        raise _lacking(path, error) from None
    except Exception as error:  # unpickling may raise anything
        raise ExportError(
            f"{path.name}: truncated, or not a model that joblib can read ({type(error).__name__})"
        ) from None
    library = type(model).__module__.partition(".")[0]
    if library in BOOSTING and type(model).__name__ == "Booster":  # pickled without its estimator
        return importlib.import_module(f"services.inference.runtimes.{library}").estimator(model)
    return model


def load_boosted(path: Path, library: str, read: Callable[[Path], Any]) -> Any:
    """The estimator in a pickle, or the one that `read` makes of a file in the boosting library's own format."""
    if path.suffix.lower() in PICKLES:
        return load(path)
    try:
        return read(path)
    except ModuleNotFoundError as error:
        raise _lacking(path, error) from None
    except Exception as error:  # the library's own, or whatever a file that is no model leads to
        raise ExportError(
            f"{path.name}: truncated, or not a model that {library} saved ({type(error).__name__})"
        ) from None


def _lacking(path: Path, error: ModuleNotFoundError) -> ExportError:
    """What to say of a model whose module is not installed."""
    top = str(error.name).partition(".")[0]
    how = ": `pip install modelport[boosting]`" if top in BOOSTING else ""
    return ExportError(f"{path.name} needs the module `{error.name}`, which is not installed here{how}")


def _load_skops(path: Path) -> Any:
    from skops.io import get_untrusted_types
    from skops.io import load as load_trusted

    if not zipfile.is_zipfile(path):  # skops would fall back to joblib
        raise ExportError(f"{path.name}: truncated, or not a skops file")
    try:
        asked = get_untrusted_types(file=path)
        foreign = [name for name in asked if not _is_of_sklearn(name)]
        if not foreign:
            model = load_trusted(path, trusted=asked)
    except Exception as error:  # a damaged archive may raise anything
        raise ExportError(f"{path.name}: not a readable skops file ({type(error).__name__})") from None
    if foreign:
        raise ExportError(f"{path.name}: holds types that are not scikit-learn's own: {', '.join(foreign[:5])[:300]}")
    check_reads_no_files(model, path.name)
    return model


def _is_of_sklearn(name: str) -> bool:
    """Whether skops' name of a type is that of a class which scikit-learn itself defines; its functions are refused."""
    if name == "numpy.dtype":
        return True
    if not _SKLEARN_NAME.fullmatch(name):
        return False
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute, None)
    return isinstance(found, type) and found.__module__.startswith("sklearn.")


class SklearnRuntime:
    """Predicts with scikit-learn's own `predict` and `predict_proba`."""

    def __init__(self, model: Any, signature: Signature) -> None:
        self._model = model
        self._assemble = assembler(signature)
        self._classifies = signature.task == "classification"
        self._labels = [Labels(output) for output in signature.outputs]
        self._probabilities = all(output.probabilities for output in signature.outputs)
        self._likeliest = self._probabilities and len(self._labels) == 1 and likeliest_is_label(model)
        self._plain_labels = signature.task in ("clustering", "outlier_detection")

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """One prediction per row; ModelError when scikit-learn raises or the count is wrong."""
        predictions = self.predict_values(self._assemble(rows))
        if len(predictions) != len(rows):
            raise ModelError(f"The model answered {len(predictions)} predictions for {len(rows)} rows.")
        return predictions

    def predict_values(self, values: Any) -> list[Any]:
        """The same for a frame or an array."""
        try:
            return self._classify(values) if self._classifies else self._numbers(values)
        except PlatformError:
            raise
        except Exception as error:  # LinAlgError, OverflowError, whatever a custom step raises
            raise ModelError("The model could not make a prediction from this input.") from error

    def _numbers(self, values: Any) -> list[Any]:
        predictions = numbers(self._model.predict(values))
        return [{"label": value} for value in predictions] if self._plain_labels else predictions

    def _classify(self, values: Any) -> list[Any]:
        if self._likeliest:
            probabilities = self._model.predict_proba(values)
            labels = self._model.classes_.take(probabilities.argmax(axis=1), axis=0)
            return self._labels[0](labels, probabilities)
        labels = self._model.predict(values)
        probabilities = self._model.predict_proba(values) if self._probabilities else None
        if len(self._labels) == 1:
            return self._labels[0](labels.ravel(), probabilities)
        columns = [
            format_labels(labels[:, index], None if probabilities is None else _of_output(probabilities, index))
            for index, format_labels in enumerate(self._labels)
        ]
        return together(columns, [None] * len(columns))


def _of_output(probabilities: Any, index: int) -> Any:
    """The probabilities of one output: out of a list, or of 1 and not of 0 where there is one column for each label."""
    if isinstance(probabilities, list):
        return probabilities[index]
    return np.stack([1 - probabilities[:, index], probabilities[:, index]], axis=1)


def likeliest_is_label(model: Any) -> bool:
    """Whether the estimator at the end of a Pipeline predicts the class of its highest probability."""
    final = model[-1] if hasattr(model, "steps") else model
    return type(final).__module__.startswith(_LABEL_IS_LIKELIEST)


def load_runtime(path: Path, signature: Signature) -> SklearnRuntime:
    """The estimator at `path`, ready to predict."""
    return predicting(load(path), signature)


def predicting(model: Any, signature: Signature) -> SklearnRuntime:
    """The same of an estimator that is loaded."""
    # Names were checked by the signature; an estimator fitted with names would warn at every array.
    warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)
    return SklearnRuntime(model, signature)
