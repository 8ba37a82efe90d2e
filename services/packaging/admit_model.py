"""Child process of an upload: finds out what a file is, looks through it, and only then loads and describes it."""

from pathlib import Path

from services.inference.manifest import digest_of, manifest_of
from services.packaging.archives import open_checked
from services.packaging.formats import FORMATS, Format, recognise, recognise_archive
from services.packaging.job import Admitted, Job
from services.packaging.keras_archive import check_keras
from services.packaging.loading import describe_model, load_model
from services.packaging.unpacking import lay_out


def prepare(job: Job) -> None:
    """Nothing: what is to be imported depends on the file."""


def work(job: Job) -> Admitted:
    """What the file is, once it has been loaded and described."""
    assert job.limits is not None
    most_bytes = job.limits.file_bytes
    upload = job.folder / "upload"
    found = recognise(upload) or _of_archive(upload, most_bytes, job.folder / "tmp")
    path = lay_out(upload, found, job.folder / "model", most_bytes)
    if found is FORMATS["saved_model"]:
        from services.packaging.saved_model import check_saved_model

        check_saved_model(path)
    digest = digest_of(manifest_of(job.folder / "model"))  # before it is loaded: what is loaded may be written anew
    laid_out = job.model_copy(update={"file": path.name, "framework": found.framework})
    model, remarks = load_model(laid_out)
    description, runtime = describe_model(laid_out, found.framework, model)
    runtime.predict_values(description.values)  # some models fail only then, or take all the memory
    return Admitted(
        format=found.name,
        framework=found.framework,
        sha256=digest,
        signature=description.signature.model_dump(mode="json"),
        remarks=remarks + description.remarks,
    )


def _of_archive(upload: Path, most_bytes: int, folder: Path) -> Format:
    with open_checked(upload, most_bytes) as archive:
        found = recognise_archive(archive.infolist())
        if found is FORMATS["keras"]:
            check_keras(archive, folder)
    return found
