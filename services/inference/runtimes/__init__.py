"""One file a framework: how a model file is loaded, and how a loaded model predicts."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from registry.errors import ExportError
from services.inference.instances import Row
from services.inference.signature import Signature

FORMATS = {
    ".joblib": "sklearn",
    ".pkl": "sklearn",
    ".pickle": "sklearn",
    ".skops": "sklearn",
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".onnx": "onnx",
    ".ubj": "xgboost",
    ".json": "xgboost",
    ".txt": "lightgbm",
}
BOOSTING = ("xgboost", "lightgbm")  # their estimators are of scikit-learn's kind; the extra `boosting` installs them
PICKLES = {".joblib", ".pkl", ".pickle"}


class Runtime(Protocol):
    """A loaded model. Raises ModelError when the model fails on an input or answers NaN."""

    def predict(self, rows: Sequence[Row]) -> list[Any]:
        """One JSON-ready prediction for each of the rows, which fit the signature."""
        ...

    def predict_values(self, values: Any) -> list[Any]:
        """The same for what the model itself takes: a frame, an array, a list of arrays."""
        ...


def framework_of(path: Path) -> str:
    """`sklearn`, `keras`, `onnx`, `xgboost` or `lightgbm`, by what the path is; ExportError says what would be accepted."""
    if not path.exists():
        raise ExportError(f"{path}: no such file")
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "keras"
        raise ExportError(f"{path}: a folder must be a SavedModel (saved_model.pb) or a service (bentofile.yaml)")
    framework = FORMATS.get(path.suffix.lower())
    if framework is None:
        raise ExportError(f"{path.name}: unknown model format; known are {', '.join(FORMATS)} and SavedModel folders")
    return framework


def kind_of(framework: str) -> str:
    """Whose way of describing and compiling models a framework's go: XGBoost's and LightGBM's go scikit-learn's."""
    return "sklearn" if framework in BOOSTING else framework


def load_runtime(framework: str, path: Path, signature: Signature) -> Runtime:
    """The model at `path`, ready to predict; imports the framework that it needs and no other."""
    module = import_module(f"services.inference.runtimes.{framework}")
    runtime: Runtime = module.load_runtime(path, signature)
    return runtime
