"""Child process of `export`: loads a model file, infers its signature, stores it, and builds its Bento."""

import shutil
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from registry.errors import ExportError
from services.inference.describing import Description, describe
from services.inference.manifest import manifest_of
from services.inference.runtimes import load_runtime
from services.inference.sample import read_sample
from services.packaging.job import Built, Job
from services.packaging.requirements import requirements
from services.packaging.source import stage_packages


def prepare(job: Job) -> None:
    """Nothing can be done before the model is there to be loaded."""


def work(job: Job) -> Built:
    """The whole build, into the BentoML home of this export."""
    path = job.folder / "model" / job.file
    sample = None if job.sample is None else read_sample(job.sample)
    model, remarks = _load(job, path)
    description = describe(job.framework, model, sample, job.classes)
    runtime = load_runtime(job.framework, path, description.signature)
    expected = runtime.predict_values(description.values)
    seconds = _seconds_per_row(runtime, description)
    _store(job, description, seconds)
    _build_bento(job, path.suffix)
    return Built(
        signature=description.signature.model_dump(mode="json"),
        runtime=job.framework,
        framework=job.framework,
        size_bytes=sum(file.stat().st_size for file in (job.folder / "model").rglob("*") if file.is_file()),
        models=[job.bento],
        seconds_per_row=seconds,
        rows=[list(row) for row in description.rows],
        expected=expected,
        remarks=remarks + description.remarks,
    )


def _load(job: Job, path: Path) -> tuple[Any, list[str]]:
    """The model, and what its framework warned of (another scikit-learn version, say)."""
    if job.framework == "sklearn":
        from services.inference.runtimes.sklearn import load
    else:
        from services.inference.runtimes.keras import load
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = load(path)
    return model, sorted({text for warning in caught if (text := _remark(warning))})


def _remark(warning: warnings.WarningMessage) -> str | None:
    if warning.category.__name__ != "InconsistentVersionWarning":
        return None
    found: Any = warning.message
    return (
        f"the model was saved by scikit-learn {found.original_sklearn_version}, this is {found.current_sklearn_version}: "
        "its answers may differ; train and save it again with this version"
    )


def _seconds_per_row(runtime: Any, description: Description) -> float:
    """The time of one single-row prediction: the median of a few, after a warm-up."""
    row = description.rows[:1]
    runtime.predict(row)
    times = []
    for _ in range(7):
        started = perf_counter()
        runtime.predict(row)
        times.append(perf_counter() - started)
    return float(np.median(times))


def _store(job: Job, description: Description, seconds: float) -> None:
    """Copy the staged files into BentoML's model store, with all that is needed to serve them."""
    import bentoml

    staged = job.folder / "model"
    metadata = {
        "signature": description.signature.model_dump_json(),
        "framework": job.framework,
        "file": job.file,
        "files": manifest_of(staged),
        "seconds_per_row": seconds,
    }
    with bentoml.models.create(
        job.bento, module="modelport", labels={"endpoint": job.endpoint}, metadata=metadata
    ) as stored:
        shutil.copytree(staged, stored.path, dirs_exist_ok=True)


def _build_bento(job: Job, suffix: str) -> None:
    import bentoml

    context = job.folder / "context"
    stage_packages(context)
    try:
        bentoml.bentos.build(
            "services.endpoint:service",
            name=job.endpoint,
            version=job.bento_version,
            build_ctx=str(context),
            include=["services/**", "registry/**"],
            labels={"endpoint": job.endpoint},
            python={"packages": requirements(job.framework, suffix), "lock_packages": False},
            args={"endpoint": job.endpoint, "model": job.bento, "version": job.model_version},
        )
    except bentoml.exceptions.BentoMLException as error:
        raise ExportError(f"BentoML could not build the Bento: {str(error).splitlines()[0]}") from None
