"""What an export finds in the registry, and what it writes down there: all of it in one transaction, or nothing."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from registry.catalog import (
    Endpoint,
    EndpointStatus,
    Model,
    find_endpoint,
    next_version,
    set_limit,
)
from registry.database import exclusive, reading, session
from registry.errors import ExportError, InvalidInput
from registry.settings import settings
from services.inference.manifest import sha256_of
from services.limits.rule import Limit
from services.packaging import stores
from services.packaging.addresses import paths_of, refuse_taken
from services.packaging.asker import Asker
from services.packaging.job import Built, Job
from services.packaging.rows import put_built


def canonical_limit(text: str | None) -> str | None:
    """The limit as text that is sure to be read again; InvalidInput when it is none."""
    try:
        return None if text is None else str(Limit.parse(text))
    except ValueError as error:
        raise InvalidInput(str(error)) from None


def source_digest(job: Job) -> str | None:
    """A sha256 of all but the model that shapes the signature; None when nothing was given."""
    if job.sample is None and not job.classes and job.input is None:
        return None
    sample = sha256_of(job.sample) if job.sample else ""
    read_as = [f"{job.input} {job.pixels}"] if job.input is not None else []
    return hashlib.sha256("\0".join([sample, *read_as, *(job.classes or ())]).encode()).hexdigest()


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


def confirm(endpoint: Endpoint, limit: str | None, asker: Asker) -> Endpoint:
    """Leave a standing endpoint as it is, but for the limit that was asked for."""
    with session() as opened:
        exclusive(opened)  # whoever asks may do it until it is done
        actor = asker.actor(opened)
        standing = find_endpoint(opened, endpoint.name)
        if standing is None:
            raise ExportError(f"the endpoint {endpoint.name} was deleted meanwhile")
        if limit not in (None, standing.rate_limit):
            set_limit(opened, standing, limit, actor=actor)
        asker.written(opened, standing, False)
        return standing


def report_of(job: Job, built: Built) -> dict[str, Any]:
    """What stays known of the export: what was built, which runtime was chosen, and what speaks for it."""
    report: dict[str, Any] = {"bento": job.bento, "models": built.models, "compile": job.compile}
    if built.choice is None:
        return report
    return report | {"seconds_per_row": built.choice.seconds_per_row, **built.choice.model_dump(mode="json")}


def write_down(
    job: Job, built: Built, digest: str, source: str, limit: str | None, asker: Asker, upload: int | None
) -> tuple[Endpoint, bool]:
    """One transaction: model, endpoint, and what the asker gets, each with its audit entry; whether the endpoint is new.

    `upload` is the id of the uploaded model that this was built from. A new endpoint without a limit gets the service's own.
    """
    with session() as opened:
        exclusive(opened)  # whoever asks may do it until it is done
        actor = asker.actor(opened)
        refuse_taken(opened, job.endpoint, paths_of(job, built))  # again: now nobody else can take one
        is_new = find_endpoint(opened, job.endpoint) is None
        endpoint = put_built(
            opened,
            job,
            built,
            digest=digest,
            source=source,
            report=report_of(job, built),
            uploaded=fitting(opened, upload, job.endpoint),
            actor=actor,
        )
        chosen = limit or (built.rate_limit if is_new else None)
        if chosen is not None and chosen != endpoint.rate_limit:
            set_limit(opened, endpoint, chosen, actor=actor)
        asker.written(opened, endpoint, is_new)
    return endpoint, is_new


def version_for(session: Session, name: str, upload: int | None) -> int:
    """The version that an export gets: that of the uploaded model, or the next one of the name."""
    found = fitting(session, upload, name)
    return found.version if found is not None else next_version(session, name)


def fitting(session: Session, upload: int | None, name: str) -> Model | None:
    """The uploaded model, if it has yet to be exported and bears the endpoint's name."""
    found = session.get(Model, upload) if upload is not None else None
    return found if found is not None and found.name == name and not found.is_built else None


def exported_object(endpoint: Endpoint, api_key: str | None) -> dict[str, Any]:
    """What `export -o json` prints."""
    model = endpoint.model
    return {
        "endpoint": endpoint.name,
        "url": settings().url_of(endpoint.path),
        "api_key": api_key,
        "model": {
            "name": model.name,
            "version": str(model.version),
            "framework": model.framework,
            "sha256": model.sha256,
        },
        "bento": endpoint.bento,
        "runtime": model.runtime,
        "signature": model.signature,
    }
