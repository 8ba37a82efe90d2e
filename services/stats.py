"""The platform in numbers: who and what there is, and what was asked of it in the last day."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from registry.accounts import ApiKey, Role, User
from registry.catalog import Endpoint, EndpointStatus, Model
from registry.clock import now
from registry.traffic import ApiRequest
from services.security.bearer import Identity
from services.security.permissions import Permission
from services.signed_in import looking

DAY = timedelta(days=1)
BUSIEST = 10  # endpoints named


def stats(who: Identity) -> dict[str, Any]:
    """The numbers, as the registry has them now."""
    moment = now()
    with looking(who, Permission.MONITORING_READ) as (opened, _):
        return {
            "at": moment,
            "users": _users(opened),
            "endpoints": _endpoints(opened),
            "models": _count(opened, Model),
            "keys": _keys(opened, moment),
            "last_24_hours": _requests(opened, moment - DAY),
            "log": _log(opened),
        }


def _users(opened: Session) -> dict[str, Any]:
    counted = dict(opened.exec(select(User.role, func.count()).group_by(col(User.role))).all())
    disabled = opened.exec(select(func.count()).select_from(User).where(col(User.is_active).is_(False))).one()
    return {"by_role": {role.value: counted.get(role, 0) for role in Role}, "disabled": disabled}


def _endpoints(opened: Session) -> dict[str, int]:
    counted = dict(opened.exec(select(Endpoint.status, func.count()).group_by(col(Endpoint.status))).all())
    return {status.value: counted.get(status, 0) for status in EndpointStatus}


def _keys(opened: Session, moment: datetime) -> dict[str, int]:
    ends = (col(ApiKey.expires_at), col(ApiKey.grace_until))
    works = [col(ApiKey.is_active), *(end.is_(None) | (end > moment) for end in ends)]
    working = opened.exec(select(func.count()).select_from(ApiKey).where(*works)).one()
    return {"working": working, "ended": _count(opened, ApiKey) - working}


def _requests(opened: Session, since: datetime) -> dict[str, Any]:
    """Answers since then, all of them and those of the busiest endpoints."""
    status, lately = col(ApiRequest.status_code), col(ApiRequest.timestamp) >= since
    requests, refused = func.count(), func.sum(case((status.between(400, 499), 1), else_=0))
    errors, seconds = func.sum(case((status >= 500, 1), else_=0)), func.avg(col(ApiRequest.response_time))
    numbers = (requests, refused, errors, seconds)
    # A sum, lest SQLite should read the whole log in the order of the endpoints' index rather than one day of it.
    endpoint = col(ApiRequest.endpoint_id) + 0
    grouped = select(endpoint, *numbers).where(lately).group_by(endpoint)  # type: ignore[call-overload]
    counted = opened.exec(grouped).all()
    busiest = sorted((one for one in counted if one[0] is not None), key=lambda one: (-one[1], one[0]))[:BUSIEST]
    chosen = select(Endpoint.id, Endpoint.name).where(col(Endpoint.id).in_([one[0] for one in busiest]))
    names = dict(opened.exec(chosen).all())
    return {
        "requests": sum(one[1] for one in counted),
        "refused": sum(one[2] for one in counted),
        "errors": sum(one[3] for one in counted),
        "busiest": [
            {"endpoint": names.get(id), "requests": total, "refused": refused, "errors": errors, "mean_seconds": mean}
            for id, total, refused, errors, mean in busiest
        ],
    }


def _log(opened: Session) -> dict[str, Any]:
    """How far the request log reaches; a newest row that is old while requests are answered is a log that is stuck."""
    moment = col(ApiRequest.timestamp)  # in a select each: SQLite reads the whole index for both in one
    ends = (select(end).scalar_subquery() for end in (func.min(moment), func.max(moment)))
    oldest, newest = opened.exec(select(*ends)).one()
    return {"oldest": oldest, "newest": newest}


def _count(opened: Session, table: type[Model] | type[ApiKey]) -> int:
    return opened.exec(select(func.count()).select_from(table)).one()
