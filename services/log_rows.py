"""The request log as signed-in people read it: their own predictions, or with `predictions:all` everybody's."""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from registry.accounts import ApiKey, User
from registry.catalog import Endpoint
from registry.pages import Page, page
from registry.predictions import results_of
from registry.traffic import ApiRequest, select_predictions
from services.security.bearer import Identity
from services.security.permissions import Permission, allows
from services.signed_in import looking

SORTED = {"timestamp": col(ApiRequest.timestamp)}


def list_predictions(
    who: Identity,
    *,
    endpoint: str | None,
    key: str | None,
    status: int | None,
    since: datetime | None,
    until: datetime | None,
    request_id: str | None,
    category: str | None,
    sort: str,
    limit: int,
    cursor: str | None,
) -> Page[dict[str, Any]]:
    """A page of the predictions that this user may see."""
    with looking(who, Permission.PREDICTIONS_OWN) as (opened, own):
        chosen = select_predictions(
            user=None if allows(own.user.role, Permission.PREDICTIONS_ALL) else own.user,
            endpoint=endpoint,
            key_id=key,
            status=status,
            since=since,
            until=until,
            request_id=request_id,
            category=category,
        )
        found = page(opened, chosen, SORTED, id=col(ApiRequest.id), sort=sort, limit=limit, cursor=cursor)
        return Page(_rows(opened, found.items), found.next_cursor)


def _rows(opened: Session, requests: list[ApiRequest]) -> list[dict[str, Any]]:
    """The requests with the names of what they refer to."""
    endpoints = {request.endpoint_id for request in requests}
    keys = {request.api_key_id for request in requests}
    users = {request.user_id for request in requests}
    endpoint_names = dict(opened.exec(select(Endpoint.id, Endpoint.name).where(col(Endpoint.id).in_(endpoints))).all())
    key_ids = dict(opened.exec(select(ApiKey.id, ApiKey.key_id).where(col(ApiKey.id).in_(keys))).all())
    results = results_of(opened, (request.request_id for request in requests))
    usernames = dict(opened.exec(select(User.id, User.username).where(col(User.id).in_(users))).all())
    return [
        {
            "request_id": request.request_id,
            "timestamp": request.timestamp,
            "endpoint": endpoint_names.get(request.endpoint_id),
            "key": key_ids.get(request.api_key_id),
            "user": usernames.get(request.user_id),
            "route": request.route,
            "status": request.status_code,
            "error": request.error_message,
            "seconds": request.response_time,
            "results": results.get(request.request_id, []),
        }
        for request in requests
    ]
