"""The platform's verb: a model file or a hand-written service becomes an endpoint, a Bento and a first key, or nothing.

The file is staged and hashed, child processes load, compile and build it, another replays the sample through what was
built; then it is moved into BentoML's stores and one transaction writes it all down. Whatever fails, or is killed, leaves
the stores as they were.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from registry.catalog import Endpoint, delete_endpoint, find_endpoint
from registry.database import exclusive, reading, session, upgrade
from registry.errors import ExportError, NotFound
from services.inference.manifest import digest_of, manifest_of
from services.inference.runtimes import framework_of
from services.inference.signature import Pixels
from services.naming import check_classes, check_name, name_from
from services.packaging import stores
from services.packaging.addresses import paths_of, refuse_taken
from services.packaging.asker import Asker, Operator
from services.packaging.building import Progress, build
from services.packaging.children import Child
from services.packaging.job import Job
from services.packaging.limits import Limits
from services.packaging.staging import Staging
from services.packaging.written import (
    canonical_limit,
    confirm,
    source_digest,
    unchanged,
    version_for,
    with_models,
    write_down,
)


@dataclass(frozen=True)
class Request:
    """What to export and how."""

    path: Path
    name: str | None = None
    sample: Path | None = None
    classes: Sequence[str] | None = None
    input: Literal["image"] | None = None  # what a request carries, where that isn't JSON
    pixels: Pixels | None = None  # what a model of images was trained on; by default it is found out
    rate_limit: str | None = None
    compile: bool = True
    upload: int | None = None  # the id of the uploaded model that this is
    limits: Limits | None = None  # what its processes may use at most

    @property
    def is_service(self) -> bool:
        """Whether the path is a folder with a hand-written service."""
        return (self.path / "bentofile.yaml").is_file()


@dataclass(frozen=True)
class Exported:
    """The endpoint as it stands, and whether it was made just now."""

    endpoint: Endpoint
    is_new: bool
    remarks: Sequence[str] = ()


def export(request: Request, progress: Progress, asker: Asker) -> Exported:
    """Make an endpoint of a model file or a service folder, or move the endpoint of that name to the changed model.

    Raises ExportError with one line; the registry and BentoML's stores are then as they were.
    """
    framework = "bentoml" if request.is_service else framework_of(request.path)
    name = check_name(name_from(request.path, request.is_service) if request.name is None else request.name)
    limit = canonical_limit(request.rate_limit)
    check_classes(request.classes)
    if request.pixels is not None and request.input is None:
        raise ExportError("`--pixels` goes with `--input image`")
    if request.input is not None and request.is_service:
        raise ExportError("`--input` is for model files: a service's methods say what they take")
    if request.sample is not None and not request.sample.is_file():
        raise ExportError(f"{request.sample}: no such sample file")
    asker.begin()
    stores.home()
    upgrade()
    Staging.recover()
    with Staging(name) as staging:
        progress("Checking the file")
        job = stage(request, staging, framework)
        digest, source = digest_of(manifest_of(staging.folder / "model")), source_digest(job)
        if not request.is_service and (standing := unchanged(job, digest, source)):
            return Exported(confirm(standing, limit, asker), is_new=False)
        with Child("replay", job) as replay:
            built = build(job, progress)
            if request.is_service:
                digest = with_models(digest, built.models)
                if standing := unchanged(job, digest, source):
                    return Exported(confirm(standing, limit, asker), is_new=False)
            with reading() as opened:
                refuse_taken(opened, name, paths_of(job, built))
            progress("Replaying the sample through the built Bento")
            replay.result()
        staging.publish(job.bento)
        endpoint, is_new = write_down(job, built, digest, source or "", limit, asker, request.upload)
    return Exported(endpoint, is_new, built.remarks)


def delete(name: str, asker: Asker | None = None) -> None:
    """Delete an endpoint with its keys, its log, every version of its model and their Bentos; NotFound if there is none.

    Without an asker it is the operator at the command line, who waits for an export of that name.
    """
    Staging.recover()
    with Staging(name, wait=asker is None) as staging, session() as opened:
        exclusive(opened)  # whoever asks may do it until it is done
        actor = (asker or Operator()).actor(opened)
        endpoint = find_endpoint(opened, name)
        if endpoint is None:
            raise NotFound(f"there is no endpoint {name!r}; `modelport list` shows what there is")
        removed = delete_endpoint(opened, endpoint, actor=actor)
        staging.claim(sorted({*removed.tags, *removed.bentos}))


def stage(request: Request, staging: Staging, framework: str) -> Job:
    """Copy what is exported into the staging folder, and write the order for the children."""
    file = staging.add(request.path, request.is_service)
    with reading() as opened:
        number = version_for(opened, staging.name, request.upload)
    return Job(
        folder=staging.folder,
        endpoint=staging.name,
        bento_version=staging.version,
        model_version=str(number),
        kind="service" if request.is_service else "model",
        file=file,
        framework=framework,
        parent=os.getpid(),
        sample=staging.add_sample(request.sample) if request.sample else None,
        classes=list(request.classes) if request.classes else None,
        input=request.input,
        pixels=request.pixels,
        compile=request.compile and framework not in ("bentoml", "onnx"),
        limits=request.limits,
    )
