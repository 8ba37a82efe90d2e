"""What an export writes down, in the platform's registry and in the one that its replay makes for the purpose."""

from typing import Any

from sqlmodel import Session

from registry.catalog import Endpoint, Model, put_endpoint, put_model
from registry.errors import ExportError
from services.packaging.addresses import paths_of
from services.packaging.job import Built, Job


def put_built(
    session: Session,
    job: Job,
    built: Built,
    *,
    digest: str,
    source: str,
    report: dict[str, Any],
    actor: str,
    uploaded: Model | None = None,
) -> Endpoint:
    """Add the model that was built, and the endpoint that serves it, or its next version; each with its audit entry.

    A model that was uploaded and not exported yet is completed instead. ExportError if it was in the meantime.
    """
    model = Model(
        name=job.endpoint,
        version=int(job.model_version),
        framework=built.framework,
        sha256=digest,
        source_sha256=source,
        tag=None if built.import_path else job.bento,
        runtime=built.runtime,
        signature=built.signature,
        size_bytes=built.size_bytes,
        report=report,
    )
    model = put_model(session, model, uploaded, actor=actor)
    if model.version != int(job.model_version):
        raise ExportError("the model was exported meanwhile; ask again")
    return put_endpoint(
        session,
        name=job.endpoint,
        path=paths_of(job, built)[0],
        model=model,
        bento=job.bento,
        import_path=built.import_path,
        actor=actor,
    )
