"""What people ask of export jobs: to queue one, and how far one is."""

from typing import Any, NamedTuple

from sqlmodel import Session

from registry import secrets_file
from registry.catalog import find_endpoint
from registry.database import reading
from registry.errors import Conflict, ExportError, InvalidInput, NotFound
from registry.export_jobs import UNFINISHED, ExportJob, JobStatus, add_job, unfinished
from registry.idempotency import Answer, Asked, once
from registry.settings import settings
from services.endpoint_keys import first_key
from services.models import existing
from services.naming import check_name
from services.packaging.written import canonical_limit
from services.security.bearer import Identity
from services.security.permissions import Permission, allows
from services.signed_in import Own, changing, looking
from services.uploads.kept import path_of


class Wanted(NamedTuple):
    """How a model is to be exported."""

    name: str | None  # the endpoint's; by default the model's
    rate_limit: str | None
    compile: bool


class Seen(NamedTuple):
    """A job, and the first key of what it made when that has just been made for who asks."""

    job: ExportJob
    api_key: str | None = None


def place() -> str:
    """The name of this machine's folder in the registry: the files in it are here, and nowhere else."""
    return secrets_file.read_or_make(settings().home / "jobs" / "place")[:16]


def ask(who: Identity, model_id: int, wanted: Wanted, asked: Asked | None) -> Answer:
    """Queue an export; Conflict for a model without a file here, Unavailable when too many wait."""
    limit = _checked(wanted)
    here = place()
    with changing(who, Permission.EXPORTS_WRITE) as (session, own):

        def make(_: bytes) -> dict[str, Any]:
            model = existing(session, model_id)
            if model.upload is None:
                raise Conflict("This model was exported on the command line: there is no file to export it from.")
            if not path_of(model.upload).is_file():
                raise Conflict("The file of this model is not on this machine: upload it again.")
            job = ExportJob(
                model_id=model.id,
                user_id=own.user.id,
                place=here,
                endpoint=wanted.name or model.name,
                rate_limit=limit,
                compile=wanted.compile,
            )
            add_job(session, job)
            return {"job_id": job.id, "status": job.status, "location": f"/api/jobs/{job.id}"}

        return once(session, own.user, asked, make, status=202)


def look(who: Identity, job_id: int) -> Seen:
    """A job; the one who asked for it gets the endpoint's first key with the first answer after it succeeded."""
    with looking(who, Permission.EXPORTS_READ) as (session, own):
        job = _existing(session, job_id)
        if not _is_due(job, own):
            return Seen(job)
    with changing(who, Permission.EXPORTS_READ) as (session, own):
        job = _existing(session, job_id)
        return Seen(job, _key(session, job, own) if _is_due(job, own) else None)


def is_here(job: ExportJob) -> bool:
    """Whether the job is for this machine to do, and still to be done."""
    return job.status in UNFINISHED and job.place == place()


def waiting() -> bool:
    """Whether anything is queued here, or was running when its process ended."""
    with reading() as session:
        return bool(unfinished(session, place()))


def _is_due(job: ExportJob, own: Own) -> bool:
    mine = job.user_id == own.user.id and allows(own.user.role, Permission.EXPORTS_WRITE)
    return job.status == JobStatus.SUCCEEDED and job.key_due and mine


def _key(session: Session, job: ExportJob, own: Own) -> str | None:
    """Make the key now: until somebody is there to read it, there is none that could be lost or stolen."""
    job.key_due = False
    session.add(job)
    endpoint = find_endpoint(session, job.endpoint)
    return first_key(session, endpoint, own.user, actor=own.actor).text if endpoint is not None else None


def _existing(session: Session, job_id: int) -> ExportJob:
    job = session.get(ExportJob, job_id)
    if job is None:
        raise NotFound("There is no such job.")
    return job


def _checked(wanted: Wanted) -> str | None:
    try:
        if wanted.name is not None:
            check_name(wanted.name)
    except ExportError:
        raise InvalidInput(
            "An endpoint's name has up to 63 of a-z, 0-9, `.`, `_` and `-`, begins and ends with a letter or digit, "
            "and not digits only."
        ) from None
    return canonical_limit(wanted.rate_limit)
