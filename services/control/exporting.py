"""/api/export, /api/jobs and what changes /api/exports: models become endpoints, and endpoints change and go."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Request, Response

from registry.catalog import EndpointStatus
from services import duration, endpoint_changes
from services.control.callers import READS_JSON, OfThreads, permitted
from services.control.described import failures
from services.control.export_bodies import ExportDetails
from services.control.exports import NAME
from services.control.idempotency import REPLAYED, Once, answered
from services.control.job_bodies import (
    ExportAsked,
    JobAnswer,
    JobDetails,
    KeyChange,
    LimitChange,
    NewKeyAnswer,
    StatusChange,
)
from services.control.models import MODEL
from services.jobs import queue
from services.jobs.queue import Wanted
from services.jobs.runner import Runner
from services.security.bearer import Identity
from services.security.permissions import Permission

router = APIRouter(prefix="/api", tags=["exports"])

Reader = Annotated[Identity, permitted(Permission.EXPORTS_READ)]
Writer = Annotated[Identity, permitted(Permission.EXPORTS_WRITE)]
AS_IT_IS, AT_ONCE = ExportAsked(), KeyChange()  # what a request without a body asks for
JOB = Annotated[int, Path(ge=1, le=2**63 - 1, description="The job's id.")]


async def _runner(request: Request) -> Runner:
    found: Runner = request.app.state.runner
    return found


OfRunner = Annotated[Runner, Depends(_runner)]


@router.post(
    "/export/{model_id}",
    summary="Export a model",
    status_code=202,
    response_model=JobAnswer,
    dependencies=READS_JSON,
    responses=failures(401, 403, 404, 409, 415, 422),
)
async def export_model(
    who: Writer,
    model_id: MODEL,
    once: Once,
    threads: OfThreads,
    runner: OfRunner,
    body: Annotated[ExportAsked, Body()] = AS_IT_IS,
) -> Response:
    """Have an endpoint made of an uploaded model, as `modelport export` does; `Location` is where to ask how far it is.

    One export is done at a time, and a few wait; 503 when too many do.
    """
    wanted = Wanted(body.name, body.rate_limit, body.compile)
    answer = await threads.registry(queue.ask, who, model_id, wanted, once)
    if not answer.replayed:
        await threads.registry(runner.wake)
    made = JobAnswer(**answer.body)
    headers = {"Location": made.location, **(REPLAYED if answer.replayed else {})}
    return Response(made.model_dump_json(), answer.status, headers, media_type="application/json")


@router.get("/jobs/{job_id}", summary="How far is an export?", responses=failures(401, 403, 404))
async def one_job(who: Reader, job_id: JOB, response: Response, threads: OfThreads, runner: OfRunner) -> JobDetails:
    """An export's progress, and once it has succeeded what was made, with its first key for whoever asked for it."""
    seen = await threads.registry(queue.look, who, job_id)
    if await threads.registry(queue.is_here, seen.job):
        await threads.registry(runner.heal)
        response.headers["Retry-After"] = "2"
    return JobDetails.of(seen.job, seen.api_key)


@router.put(
    "/exports/{name}/status",
    summary="Switch an endpoint on or off",
    dependencies=READS_JSON,
    responses=failures(401, 403, 404, 415),
)
async def change_status(who: Writer, name: NAME, body: StatusChange, threads: OfThreads) -> ExportDetails:
    """An inactive endpoint answers 403 at every worker within two seconds."""
    status = EndpointStatus(body.status)
    return ExportDetails.of(await threads.registry(endpoint_changes.change_status, who, name, status, body.reason))


@router.put(
    "/exports/{name}/limits",
    summary="Change an endpoint's limit",
    dependencies=READS_JSON,
    responses=failures(401, 403, 404, 415),
)
async def change_limit(who: Writer, name: NAME, body: LimitChange, threads: OfThreads) -> ExportDetails:
    """How often each key may call the endpoint."""
    return ExportDetails.of(await threads.registry(endpoint_changes.change_limit, who, name, body.rate_limit))


@router.post(
    "/exports/{name}/regenerate-key",
    summary="Replace an endpoint's own key",
    status_code=201,
    response_model=NewKeyAnswer,
    dependencies=READS_JSON,
    responses=failures(401, 403, 404, 415, 422),
)
async def regenerate_key(
    who: Writer, name: NAME, once: Once, threads: OfThreads, body: Annotated[KeyChange, Body()] = AT_ONCE
) -> Response:
    """Make a new key, held by the caller, and end the endpoint's own ones: those that bear its name."""
    grace = duration.parse(body.grace)
    made = await threads.registry(endpoint_changes.regenerate_key, who, name, grace, once)
    return answered(made.answer, api_key=made.text)


@router.delete("/exports/{name}", summary="Delete an endpoint", status_code=204, responses=failures(401, 403, 404))
async def delete_export(who: Writer, name: NAME, threads: OfThreads) -> Response:
    """Delete an endpoint with its keys, its log and what was built for it; an uploaded model stays."""
    await threads.registry(endpoint_changes.delete, who, name)
    return Response(status_code=204)
