"""Models that people uploaded: the rows of `models` whose file the platform keeps itself, by its digest."""

from typing import Any

from pydantic import BaseModel
from sqlmodel import Session, col, select

from registry import audit
from registry.audit import Action
from registry.catalog import Endpoint, Model, add_model, next_version
from registry.database import exclusive
from registry.errors import Conflict
from registry.export_jobs import UNFINISHED, ExportJob


class Parts(BaseModel):
    """What came with an upload, as `Model.upload_parts` keeps it; files by their sha256."""

    file_name: str  # as it may be shown
    format: str
    size: int  # bytes
    sample: str | None = None
    sample_suffix: str = ""
    classes: list[str] | None = None


def parts_of(model: Model) -> Parts:
    """What came with the upload of that model."""
    return Parts.model_validate(model.upload_parts)


def add_upload(session: Session, model: Model, *, actor: str) -> tuple[Model, bool]:
    """Keep an uploaded model as the next version of its name, and whether that is new: the newest one again is not."""
    exclusive(session)
    newest = session.exec(select(Model).where(Model.name == model.name).order_by(col(Model.version).desc())).first()
    if newest is not None and _same(newest, model):
        return newest, False
    model.version = next_version(session, model.name)
    return add_model(session, model, actor=actor), True


def _same(newest: Model, model: Model) -> bool:
    if newest.upload != model.upload:
        return False
    left, right = (parts_of(one).model_dump(exclude={"file_name"}) for one in (newest, model))
    return left == right


def delete_model(session: Session, model: Model, *, actor: str) -> None:
    """Remove one version of a model; Conflict while an endpoint serves it or an export of it is to come."""
    exclusive(session)
    served = session.exec(select(Endpoint.name).where(Endpoint.model_id == model.id)).first()
    if served is not None:
        raise Conflict(f"The endpoint {served} serves this model: delete it first", {"endpoint": served})
    under_way = select(ExportJob.id).where(ExportJob.model_id == model.id, col(ExportJob.status).in_(UNFINISHED))
    if (job := session.exec(under_way).first()) is not None:
        raise Conflict("This model is being exported: wait for the job", {"job_id": job})
    detail: dict[str, Any] = {"sha256": model.sha256, "upload": model.upload}
    session.delete(model)
    session.flush()
    target = f"model:{model.name}@{model.version}"
    audit.record(session, actor=actor, action=Action.MODEL_DELETED, target=target, detail=detail)


def kept_files(session: Session) -> set[str]:
    """The digests of all files that a row still needs: models and samples."""
    rows = session.exec(select(Model.upload, Model.upload_parts).where(col(Model.upload).is_not(None))).all()
    samples = {str(parts["sample"]) for _, parts in rows if parts and parts.get("sample")}
    return {str(upload) for upload, _ in rows} | samples
