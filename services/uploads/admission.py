"""Finds out what a file is and whether it loads, in a child process under limits, before the platform takes it in."""

import os
import re
from pathlib import Path

from registry.catalog import Model
from registry.errors import ExportError, InvalidInput
from registry.settings import settings
from registry.uploads import Parts, add_upload
from services.naming import check_classes, check_name, name_from
from services.packaging.children import Child
from services.packaging.job import Admitted, Job
from services.packaging.limits import Limits
from services.packaging.locks import lock, unlock
from services.packaging.written import source_digest
from services.security.bearer import Identity
from services.security.permissions import Permission
from services.signed_in import changing
from services.uploads.form import Form, Received
from services.uploads.kept import Change, keep, path_of, writing

SECONDS = 120  # on the wall's clock, and of the processor's time
SAMPLES = (".csv", ".json", ".parquet", ".npy", ".npz")
_NAME = "A model's name has up to 63 of a-z, 0-9, `.`, `_` and `-`, begins and ends with a letter or digit, and not digits only"


def limits(seconds: int = SECONDS) -> Limits:
    """What each process that loads an uploaded model may use."""
    chosen = settings()
    return Limits(
        memory_bytes=chosen.upload_memory_bytes,
        processor_seconds=seconds,
        file_bytes=4 * chosen.upload_max_bytes,
    )


def admit(who: Identity, change: Change, form: Form) -> tuple[Model, bool]:
    """The model of a complete form as a row of the registry, and whether that is new; InvalidInput says what is wrong."""
    file, sample = form.files["file"], form.files.get("sample")
    name, classes = _name(form, file), _classes(form)
    job = Job(
        folder=change.folder,
        parent=os.getpid(),
        endpoint=name,
        bento_version="",
        model_version="0",
        kind="upload",
        sample=_sample(sample) if sample is not None else None,
        classes=classes,
        limits=limits(),
    )
    admitted = _admitted(job)
    parts = Parts(
        file_name=file.name,
        format=admitted.format,
        size=file.size,
        sample=sample.sha256 if sample is not None else None,
        sample_suffix=job.sample.suffix if job.sample is not None else "",
        classes=classes,
    )
    model = Model(
        name=name,
        version=0,
        framework=admitted.framework,
        sha256=admitted.sha256,
        source_sha256=source_digest(job) or "",
        runtime=admitted.framework,
        signature=admitted.signature,
        size_bytes=file.size,
        upload=file.sha256,
        upload_parts=parts.model_dump(mode="json"),
    )
    return _keep(who, change, model, [(file.path, file.sha256), *([(job.sample, parts.sample)] if job.sample else [])])


def _keep(who: Identity, change: Change, model: Model, files: list[tuple[Path, str | None]]) -> tuple[Model, bool]:
    """The row and its files, or neither."""
    change.claim([str(digest) for _, digest in files])
    with writing(), changing(who, Permission.MODELS_WRITE) as (session, own):
        for path, digest in files:
            keep(path, str(digest))
        return add_upload(session, model, actor=own.actor)


def _admitted(job: Job) -> Admitted:
    """What the child says; one at a time on this machine, for each may take all the memory that it is given."""
    turn = path_of(".turn")
    held = lock(turn, wait=True)
    try:
        with Child("admit_model", job) as child:
            return Admitted.model_validate_json(child.result(SECONDS))
    except ExportError as error:
        raise InvalidInput(_sentence(error.message)) from None
    finally:
        unlock(turn, held)


def _name(form: Form, file: Received) -> str:
    given = form.texts.get("name")
    name = given if given is not None else name_from(Path(file.name), is_service=False)
    try:
        return check_name(name)
    except ExportError:
        raise InvalidInput(f"{_NAME}.") from None


def _classes(form: Form) -> list[str] | None:
    given = form.texts.get("classes")
    if given is None:
        return None
    names = [name.strip() for name in re.split(r"[,\n]", given)]
    try:
        check_classes(names)
    except ExportError:
        raise InvalidInput("`classes` has an empty name, or one twice: send A,B,…") from None
    return names


def _sample(sample: Received) -> Path:
    """The sample under the suffix that its reader goes by."""
    suffix = Path(sample.name).suffix.lower()
    if suffix not in SAMPLES:
        raise InvalidInput(f"A sample is a {', '.join(SAMPLES)} file.")
    return sample.path.rename(sample.path.with_name(f"sample{suffix}"))


def _sentence(line: str) -> str:
    return f"{line[:1].upper()}{line[1:]}"
