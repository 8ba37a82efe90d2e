"""What signed-in people do with models: list and look at them, and delete what nothing serves. Uploads: services.uploads."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session, col, select

from registry.catalog import Endpoint, Model
from registry.errors import NotFound
from registry.pages import Page, page
from registry.uploads import delete_model, parts_of
from services.packaging.staging import Staging
from services.security.bearer import Identity
from services.security.permissions import Permission
from services.signed_in import changing, looking
from services.uploads.kept import Change

SORTS = {"created_at": col(Model.created_at), "name": col(Model.name), "size_bytes": col(Model.size_bytes)}


class Listed(NamedTuple):
    """A model, and the names of the endpoints that serve it."""

    model: Model
    endpoints: list[str]


def listed(
    who: Identity, *, sort: str, limit: int, cursor: str | None, name: str | None = None, framework: str | None = None
) -> Page[Listed]:
    """A page of the models of that name and framework."""
    chosen = select(Model)
    if name is not None:
        chosen = chosen.where(Model.name == name)
    if framework is not None:
        chosen = chosen.where(Model.framework == framework)
    with looking(who, Permission.MODELS_READ) as (session, _):
        found = page(session, chosen, SORTS, id=col(Model.id), sort=sort, limit=limit, cursor=cursor)
        return Page(_with_endpoints(session, found.items), found.next_cursor)


def one(who: Identity, model_id: int) -> Listed:
    """A model; NotFound when there is none."""
    with looking(who, Permission.MODELS_READ) as (session, _):
        return _with_endpoints(session, [existing(session, model_id)])[0]


def delete(who: Identity, model_id: int) -> None:
    """Delete a model, with its file if no other needs it and with what was built of it; Conflict while it is served."""
    Staging.recover()
    with looking(who, Permission.MODELS_WRITE) as (session, _):
        name = existing(session, model_id).name
    with (
        Staging(name, wait=False) as staging,
        Change() as change,
        changing(who, Permission.MODELS_WRITE) as (session, own),
    ):
        model = existing(session, model_id)
        tags = [model.tag, model.report.get("bento")]
        staging.claim(sorted({str(tag) for tag in tags if tag}))
        change.claim(_files(model))
        delete_model(session, model, actor=own.actor)


def existing(session: Session, model_id: int) -> Model:
    """The model of that id; NotFound when there is none."""
    model = session.get(Model, model_id)
    if model is None:
        raise NotFound("There is no such model.")
    return model


def _files(model: Model) -> list[str]:
    if model.upload is None:
        return []
    sample = parts_of(model).sample
    return [model.upload, *([sample] if sample else [])]


def _with_endpoints(session: Session, models: Sequence[Model]) -> list[Listed]:
    serving: defaultdict[int | None, list[str]] = defaultdict(list)
    named = select(Endpoint.model_id, Endpoint.name).where(col(Endpoint.model_id).in_([model.id for model in models]))
    for model_id, name in session.exec(named.order_by(col(Endpoint.name))):
        serving[model_id].append(name)
    return [Listed(model, serving[model.id]) for model in models]
