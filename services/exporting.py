"""The platform's verb: a model file or a hand-written service becomes an endpoint, a Bento and a first key, or nothing.

The file is staged and hashed, child processes load, compile and build it, another replays the sample through what was
built; then it is moved into BentoML's stores and one transaction writes it all down. Whatever fails, or is killed, leaves
the stores as they were.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.accounts import add_key, local_user
from registry.catalog import (
    Endpoint,
    EndpointStatus,
    delete_endpoint,
    find_endpoint,
    next_version,
    set_limit,
)
from registry.database import reading, session, upgrade
from registry.errors import ExportError, NotFound
from services.inference.manifest import digest_of, manifest_of, sha256_of
from services.inference.runtimes import framework_of
from services.keys import mint_key
from services.limits.rule import Limit
from services.naming import check_classes, check_name, name_from
from services.packaging import stores
from services.packaging.addresses import paths_of, refuse_taken
from services.packaging.building import Progress, build
from services.packaging.children import Child
from services.packaging.job import Built, Job
from services.packaging.rows import put_built
from services.packaging.staging import Staging, recover
from services.security.api_keys import MintedKey


@dataclass(frozen=True)
class Request:
    """What to export and how."""

    path: Path
    name: str | None = None
    sample: Path | None = None
    classes: Sequence[str] | None = None
    rate_limit: str | None = None
    compile: bool = True

    @property
    def is_service(self) -> bool:
        """Whether the path is a folder with a hand-written service."""
        return (self.path / "bentofile.yaml").is_file()


@dataclass(frozen=True)
class Exported:
    """The endpoint as it stands; `api_key` is None when nothing new was made."""

    endpoint: Endpoint
    api_key: str | None
    remarks: Sequence[str] = ()


def export(request: Request, progress: Progress, actor: str = "user:local") -> Exported:
    """Make an endpoint of a model file or a service folder, or move the endpoint of that name to the changed model.

    Raises ExportError with one line; the registry and BentoML's stores are then as they were.
    """
    framework = "bentoml" if request.is_service else framework_of(request.path)
    name = check_name(name_from(request.path, request.is_service) if request.name is None else request.name)
    limit = canonical_limit(request.rate_limit)
    check_classes(request.classes)
    if request.sample is not None and not request.sample.is_file():
        raise ExportError(f"{request.sample}: no such sample file")
    key = mint_key()  # before the work: it may be that there is no pepper
    stores.home()
    upgrade()
    recover()
    with Staging(name) as staging:
        progress("Checking the file")
        job = stage(request, staging, framework)
        digest, source = digest_of(manifest_of(staging.folder / "model")), source_digest(job)
        if not request.is_service and (standing := unchanged(job, digest, source)):
            return Exported(relimit(standing, limit, actor), None)
        with Child("replay", job) as replay:
            built = build(job, progress)
            if request.is_service:
                digest = with_models(digest, built.models)
                if standing := unchanged(job, digest, source):
                    return Exported(relimit(standing, limit, actor), None)
            with reading() as opened:
                refuse_taken(opened, name, paths_of(job, built))
            progress("Replaying the sample through the built Bento")
            replay.result()
        staging.publish(job.bento)
        endpoint, is_new = write_down(job, built, digest, source or "", limit, key, actor)
    return Exported(endpoint, key.text if is_new else None, built.remarks)


def delete(name: str, actor: str = "user:local") -> None:
    """Delete an endpoint with its keys, its log, every version of its model and their Bentos; NotFound if there is none."""
    recover()
    with Staging(name) as staging, session() as opened:
        endpoint = find_endpoint(opened, name)
        if endpoint is None:
            raise NotFound(f"there is no endpoint {name!r}; `modelport list` shows what there is")
        removed = delete_endpoint(opened, endpoint, actor=actor)
        staging.claim(sorted({*removed.tags, *removed.bentos}))


def canonical_limit(text: str | None) -> str | None:
    """The limit as text that is sure to be read again; ExportError when it is none."""
    try:
        return None if text is None else str(Limit.parse(text))
    except ValueError as error:
        raise ExportError(str(error)) from None


def stage(request: Request, staging: Staging, framework: str) -> Job:
    """Copy what is exported into the staging folder, and write the order for the children."""
    file = staging.add(request.path, request.is_service)
    with reading() as opened:
        number = next_version(opened, staging.name)
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
        compile=request.compile and framework not in ("bentoml", "onnx"),
    )


def source_digest(job: Job) -> str | None:
    """A sha256 of all but the model that shapes the signature; None when nothing was given."""
    if job.sample is None and not job.classes:
        return None
    sample = sha256_of(job.sample) if job.sample else ""
    return hashlib.sha256("\0".join([sample, *(job.classes or ())]).encode()).hexdigest()


def with_models(digest: str, models: Sequence[str]) -> str:
    """The digest of a service together with the models that it resolved to."""
    return hashlib.sha256("\n".join([digest, *sorted(models)]).encode()).hexdigest()


def unchanged(job: Job, digest: str, source: str | None) -> Endpoint | None:
    """The endpoint of that name, if it serves this very file, read and compiled in the same way, and can do so."""
    with reading() as opened:
        endpoint = find_endpoint(opened, job.endpoint)
    if endpoint is None or endpoint.status == EndpointStatus.ERROR or endpoint.model.sha256 != digest:
        return None
    if (
        not stores.holds(endpoint.bento, endpoint.model.tag)
        or endpoint.model.report.get("compile", False) != job.compile
    ):
        return None
    return endpoint if source in (None, endpoint.model.source_sha256) else None


def relimit(endpoint: Endpoint, limit: str | None, actor: str) -> Endpoint:
    """Give a standing endpoint the limit that was asked for, if that is a change."""
    if limit is None or limit == endpoint.rate_limit:
        return endpoint
    with session() as opened:
        standing = find_endpoint(opened, endpoint.name)
        if standing is None:
            raise ExportError(f"the endpoint {endpoint.name} was deleted meanwhile")
        set_limit(opened, standing, limit, actor=actor)
        return standing


def report_of(job: Job, built: Built) -> dict[str, Any]:
    """What stays known of the export: what was built, which runtime was chosen, and what speaks for it."""
    report: dict[str, Any] = {"bento": job.bento, "models": built.models, "compile": job.compile}
    if built.choice is None:
        return report
    return report | {"seconds_per_row": built.choice.seconds_per_row, **built.choice.model_dump(mode="json")}


def write_down(
    job: Job, built: Built, digest: str, source: str, limit: str | None, key: MintedKey, actor: str
) -> tuple[Endpoint, bool]:
    """One transaction: model, endpoint, and for a new endpoint its first key, each with its audit entry."""
    with session() as opened:
        refuse_taken(opened, job.endpoint, paths_of(job, built))  # again: now nobody else can take one
        is_new = find_endpoint(opened, job.endpoint) is None
        endpoint = put_built(
            opened, job, built, digest=digest, source=source, report=report_of(job, built), actor=actor
        )
        if limit is not None and limit != endpoint.rate_limit:
            set_limit(opened, endpoint, limit, actor=actor)
        if is_new:
            user = local_user(opened)
            add_key(
                opened,
                key_id=key.key_id,
                key_hash=key.key_hash,
                name=job.endpoint,
                user=user,
                endpoint=endpoint,
                actor=actor,
            )
    return endpoint, is_new
