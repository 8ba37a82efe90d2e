"""Loads the model that is being exported, with what its framework has to say of it."""

import sys
import warnings
from importlib import import_module
from typing import Any

from services.inference.describing import Description, describe
from services.inference.describing.boosted import library_of
from services.inference.describing.images import AsImage
from services.inference.runtimes import BOOSTING, Runtime, load_runtime
from services.inference.sample import read_sample
from services.packaging.job import Job

_LOADERS = {"onnx": "services.inference.graph"}  # to be described, a graph is read and not run


def load_model(job: Job) -> tuple[Any, list[str]]:
    """The model in the staged file, and what its framework warned of (another scikit-learn version, say)."""
    load = import_module(_LOADERS.get(job.framework, f"services.inference.runtimes.{job.framework}")).load
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = load(job.path)
    remarks = sorted({text for warning in caught if (text := _remark(warning))})
    if job.input == "image" and job.framework == "onnx":
        from services.inference.image_graph import take_bytes

        remarks.append(take_bytes(model, job.pixels))
        job.path.write_bytes(model.SerializeToString())
    return model, remarks


def framework_of(job: Job, model: Any) -> str:
    """Whose model it is: XGBoost's or LightGBM's where a pickle turns out to hold one, else as the file says."""
    return library_of(model) or job.framework


def packages_of() -> list[str]:
    """The libraries beside its framework that loading a model made this process import, a member of an ensemble's say."""
    return [name for name in BOOSTING if name in sys.modules]


def describe_model(job: Job, framework: str, model: Any) -> tuple[Description, Runtime]:
    """What a loaded model is, with the sample that was given, and the runtime that predicts with its own framework."""
    sample = None if job.sample is None else read_sample(job.sample)
    description = describe(framework, model, sample, job.classes, AsImage(job.pixels) if job.input else None)
    return description, load_runtime(framework, job.path, description.signature)


def _remark(warning: warnings.WarningMessage) -> str | None:
    if warning.category.__name__ != "InconsistentVersionWarning":
        return None
    found: Any = warning.message
    return (
        f"the model was saved by scikit-learn {found.original_sklearn_version}, this is {found.current_sklearn_version}: "
        "its answers may differ; train and save it again with this version"
    )
