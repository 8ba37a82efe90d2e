"""Where an endpoint answers: no two may claim the same address, or only the older one would answer there."""

from collections.abc import Iterable

from sqlmodel import Session

from registry.catalog import Endpoint, endpoints
from registry.errors import ExportError
from services.naming import is_platforms
from services.packaging.job import Built, Job


def paths_of(job: Job, built: Built) -> list[str]:
    """The addresses of what was built: a hand-written service's routes, or the one of a model."""
    if built.import_path:
        return [route["path"] for route in built.signature["routes"]]
    return [f"/api/predict/{job.endpoint}"]


def refuse_taken(session: Session, name: str, paths: Iterable[str]) -> None:
    """ExportError when an endpoint of another name, or the platform, answers at one of these paths already."""
    wanted = set(paths)
    if own := sorted(path for path in wanted if is_platforms(path)):
        raise ExportError(f"{own[0]} is an address of the platform itself: choose another route")
    for other in endpoints(session):
        taken = sorted(wanted & _claimed(other))
        if taken and other.name != name:
            raise ExportError(f"the endpoint {other.name} already answers at {taken[0]}: choose another name or route")


def _claimed(endpoint: Endpoint) -> set[str]:
    if endpoint.import_path:
        return {endpoint.path, *(route["path"] for route in endpoint.model.signature.get("routes", ()))}
    return {endpoint.path, f"/api/predict/{endpoint.id}"}
