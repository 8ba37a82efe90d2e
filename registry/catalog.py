"""What is served: models, each version kept, and the endpoints that answer for them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import JSON, BigInteger, UniqueConstraint, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, Relationship, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from registry import audit
from registry.audit import Action
from registry.clock import now
from registry.columns import UtcDateTime, choice
from registry.database import exclusive
from registry.errors import Conflict, InvalidInput, NotFound


class EndpointStatus(StrEnum):
    """Whether an endpoint answers."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ERROR = "error"


class Model(SQLModel, table=True):
    """One version of a trained model."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("name", "version", name="uq_models_name_version"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    version: int
    framework: str
    sha256: str = Field(index=True, description="Digest of the model file.")
    source_sha256: str = Field(description="Digest of all that shaped the signature: sample, classes, options.")
    tag: str | None = Field(default=None, description="Where BentoML's model store keeps it.")
    runtime: str
    signature: dict[str, Any] = Field(sa_type=JSON)
    size_bytes: int = Field(sa_type=BigInteger)
    report: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    upload: str | None = Field(default=None, index=True, description="Digest of the file that was uploaded for it.")
    upload_parts: dict[str, Any] | None = Field(
        default=None, sa_type=JSON(none_as_null=True), description="See registry.uploads."
    )

    @property
    def is_built(self) -> bool:
        """Whether it was exported: it has a Bento then, and BentoML's store may have it."""
        return "bento" in self.report


class Endpoint(SQLModel, table=True):
    """An address that answers with the predictions of one model."""

    __tablename__ = "endpoints"
    __table_args__ = ({"sqlite_autoincrement": True},)  # an id is an address, and is never given to another endpoint

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, index=True)
    path: str = Field(unique=True, index=True)
    model_id: int = Field(default=None, nullable=False, foreign_key="models.id", ondelete="CASCADE", index=True)
    bento: str
    import_path: str | None = Field(default=None, description="A hand-written service's class, module:Name.")
    status: EndpointStatus = Field(default=EndpointStatus.ACTIVE, sa_column=choice(EndpointStatus))
    status_reason: str | None = None
    rate_limit: str | None = None
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    total_requests: int = Field(default=0, sa_type=BigInteger)

    # Joined, so that a list of endpoints is one query and a closed session leaves nothing to load.
    model: Model = Relationship(sa_relationship_kwargs={"lazy": "joined", "innerjoin": True})


class Removed(NamedTuple):
    """What BentoML's stores may drop once an endpoint is gone."""

    tags: list[str]
    bentos: list[str]


def find_endpoint(session: Session, name_or_id: str) -> Endpoint | None:
    """The endpoint of that name, or of that id if it is made of digits."""
    if not _is_number(name_or_id):
        return session.exec(select(Endpoint).where(Endpoint.name == name_or_id)).first()
    number = int(name_or_id) if len(name_or_id) < 19 else None
    # Postgres has no larger ids, and both drivers fail on larger numbers.
    return session.get(Endpoint, number) if number is not None and number < 2**31 else None


def existing_endpoint(session: Session, name_or_id: str) -> Endpoint:
    """The same; NotFound if there is none."""
    endpoint = find_endpoint(session, name_or_id)
    if endpoint is None:
        raise NotFound("There is no such endpoint.")
    return endpoint


def endpoints(session: Session) -> list[Endpoint]:
    """Every endpoint with its model, by name."""
    return list(session.exec(select(Endpoint).order_by(col(Endpoint.name))))


def select_endpoints(
    *, status: EndpointStatus | None = None, prefix: str | None = None, framework: str | None = None
) -> SelectOfScalar[Endpoint]:
    """A statement for the endpoints of that status and framework whose names begin with the prefix."""
    chosen = select(Endpoint)
    if status is not None:
        chosen = chosen.where(Endpoint.status == status)
    if prefix is not None:  # not LIKE, for which SQLite takes capitals for small letters
        chosen = chosen.where(func.substr(Endpoint.name, 1, len(prefix)) == prefix)
    return chosen if framework is None else chosen.join(Model).where(Model.framework == framework)


def next_version(session: Session, name: str) -> int:
    """The number of the next model of that name; no one else gets it while the transaction lasts."""
    exclusive(session)
    return (session.exec(select(func.max(Model.version)).where(Model.name == name)).one() or 0) + 1


def add_model(session: Session, model: Model, *, actor: str) -> Model:
    """Keep a new version of a model."""
    session.add(model)
    _flush(session, f"Model {model.name} already has a version {model.version}")
    detail = {"sha256": model.sha256, "framework": model.framework, "runtime": model.runtime}
    audit.record(session, actor=actor, action=Action.MODEL_ADDED, target=_model(model), detail=detail)
    return model


def put_model(session: Session, model: Model, built: Model | None, *, actor: str) -> Model:
    """Keep what was built of a model: in the row of the upload that it was built from, or as a new version."""
    if built is None or built.is_built:
        return add_model(session, model, actor=actor)
    for name in ("framework", "sha256", "source_sha256", "tag", "runtime", "signature", "size_bytes", "report"):
        setattr(built, name, getattr(model, name))
    session.add(built)
    session.flush()
    detail = {"sha256": built.sha256, "runtime": built.runtime, "bento": built.report.get("bento")}
    audit.record(session, actor=actor, action=Action.MODEL_BUILT, target=_model(built), detail=detail)
    return built


def put_endpoint(
    session: Session, *, name: str, path: str, model: Model, bento: str, import_path: str | None = None, actor: str
) -> Endpoint:
    """Create the endpoint of that name, or move it to this model; it is active afterwards."""
    if _is_number(name):
        raise InvalidInput(f"An endpoint cannot be named {name}: a number would be taken for an id")
    exclusive(session)
    endpoint = find_endpoint(session, name)
    before = _model(endpoint.model) if endpoint else None
    if endpoint is None:
        endpoint = Endpoint(name=name, path=path, bento=bento)
    endpoint.path, endpoint.model, endpoint.bento, endpoint.import_path = path, model, bento, import_path
    endpoint.status, endpoint.status_reason = EndpointStatus.ACTIVE, None
    session.add(endpoint)
    _flush(session, f"Another endpoint already answers at {path}")
    action = Action.ENDPOINT_CREATED if before is None else Action.MODEL_CHANGED
    detail = {"model": _model(model), "before": before, "path": path, "bento": bento}
    audit.record(session, actor=actor, action=action, target=f"endpoint:{name}", detail=detail)
    return endpoint


def set_status(
    session: Session, endpoint: Endpoint, status: EndpointStatus, *, reason: str | None = None, actor: str
) -> None:
    """Switch an endpoint on or off, or mark it broken, and say why."""
    detail = {"before": endpoint.status, "after": status, "reason": reason}
    endpoint.status, endpoint.status_reason = status, reason
    session.add(endpoint)
    session.flush()
    target = f"endpoint:{endpoint.name}"
    audit.record(session, actor=actor, action=Action.STATUS_CHANGED, target=target, detail=detail)


def set_limit(session: Session, endpoint: Endpoint, rate_limit: str | None, *, actor: str) -> None:
    """Give an endpoint a limit of its own, or None for the platform's."""
    detail = {"before": endpoint.rate_limit, "after": rate_limit}
    endpoint.rate_limit = rate_limit
    session.add(endpoint)
    session.flush()
    target = f"endpoint:{endpoint.name}"
    audit.record(session, actor=actor, action=Action.LIMIT_CHANGED, target=target, detail=detail)


def delete_endpoint(session: Session, endpoint: Endpoint, *, actor: str) -> Removed:
    """Remove an endpoint with its keys, its request log and every version of its model that no other endpoint uses.

    A version that was uploaded stays, as it was before its export: it has a life of its own.
    """
    exclusive(session)
    others = [other for other in endpoints(session) if other.id != endpoint.id]
    kept = {other.model_id for other in others}
    versions = session.exec(select(Model).where(Model.name == endpoint.model.name)).all()
    removed = [version for version in versions if version.id not in kept]
    built = {str(version.report["bento"]) for version in removed if version.is_built}
    bentos = {endpoint.bento, *built} - {other.bento for other in others}
    tags = sorted({version.tag for version in removed if version.tag})
    session.delete(endpoint)
    session.flush()
    for version in removed:
        _forget(session, version)
    session.flush()
    detail = {"models": [_model(version) for version in removed if version.upload is None]}
    target = f"endpoint:{endpoint.name}"
    audit.record(session, actor=actor, action=Action.ENDPOINT_DELETED, target=target, detail=detail)
    return Removed(tags, sorted(bentos))


def _forget(session: Session, version: Model) -> None:
    if version.upload is None:
        session.delete(version)
    else:
        version.tag, version.runtime, version.report = None, version.framework, {}
        version.size_bytes = (version.upload_parts or {}).get("size", version.size_bytes)
        session.add(version)


def _flush(session: Session, conflict: str) -> None:
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(conflict) from None


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def _model(model: Model) -> str:
    return f"model:{model.name}@{model.version}"
