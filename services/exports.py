"""Exported endpoints as they are shown: the same rows on the command line and over HTTP."""

import json
import shlex
from typing import Any

from sqlmodel import col

from registry.catalog import Endpoint, EndpointStatus, existing_endpoint, select_endpoints
from registry.pages import Page, page
from registry.settings import settings
from services.security.bearer import Identity
from services.security.permissions import Permission
from services.signed_in import looking

SORTED = {
    "name": col(Endpoint.name),
    "created_at": col(Endpoint.created_at),
    "last_used_at": col(Endpoint.last_used_at),
    "total_requests": col(Endpoint.total_requests),
}


def summary(endpoint: Endpoint) -> dict[str, Any]:
    """What a list says of an endpoint; `registry.listing` says the same."""
    return {
        "endpoint": endpoint.name,
        "status": endpoint.status.value,
        "model": endpoint.model.name,
        "version": str(endpoint.model.version),
        "framework": endpoint.model.framework,
        "runtime": endpoint.model.runtime,
        "bento": endpoint.bento,
        "created_at": endpoint.created_at,
        "last_used_at": endpoint.last_used_at,
        "total_requests": endpoint.total_requests,
    }


def details(endpoint: Endpoint) -> dict[str, Any]:
    """One endpoint in full."""
    return {
        "id": endpoint.id,
        **summary(endpoint),
        "path": endpoint.path,
        "url": url_of(endpoint),
        "docs_url": settings().url_of("/docs"),
        "curl": _curl(endpoint),
        "status_reason": endpoint.status_reason,
        "rate_limit": endpoint.rate_limit or settings().rate_limit,
        "sha256": endpoint.model.sha256,
        "signature": endpoint.model.signature,
        "report": endpoint.model.report,
    }


def url_of(endpoint: Endpoint) -> str:
    """Where the hub answers for the endpoint."""
    return settings().url_of(endpoint.path)


def list_exports(
    who: Identity,
    *,
    status: EndpointStatus | None,
    prefix: str | None,
    framework: str | None,
    sort: str,
    limit: int,
    cursor: str | None,
) -> Page[Endpoint]:
    """A page of the endpoints of that status and framework whose names begin so."""
    chosen = select_endpoints(status=status, prefix=prefix, framework=framework)
    with looking(who, Permission.EXPORTS_READ) as (opened, _):
        return page(opened, chosen, SORTED, id=col(Endpoint.id), sort=sort, limit=limit, cursor=cursor)


def one_export(who: Identity, name_or_id: str) -> Endpoint:
    """The endpoint of that name or id; NotFound if there is none."""
    with looking(who, Permission.EXPORTS_READ) as (opened, _):
        return existing_endpoint(opened, name_or_id)


def _curl(endpoint: Endpoint) -> str:
    """A line to paste; the key comes from the shell's $KEY."""
    signature, url = endpoint.model.signature, url_of(endpoint)
    if endpoint.import_path is not None:
        route = signature["routes"][0]
        url, example = settings().url_of(route["path"]), route["example"]
        files = [*route.get("files", ()), *route.get("lists", ())]
    else:
        example = {"instances": [signature.get("example")]}
        files = ["file"] if any(field.get("pixels") for field in signature.get("inputs", ())) else []
    if files:
        texts = example if endpoint.import_path is not None else {}
        parts = [f"{name}=@image.jpg" for name in files] + [f"{name}={_text(value)}" for name, value in texts.items()]
        body = " ".join(f"-F {shlex.quote(part)}" for part in parts)
    else:
        said = shlex.quote(json.dumps(example, ensure_ascii=False))
        body = f'-H "Content-Type: application/json" -d {said}'
    return f'curl -s {shlex.quote(url)} -H "X-API-Key: $KEY" {body}'


def _text(value: Any) -> str:
    """A value as a form's text."""
    return value if isinstance(value, str) else json.dumps(value)
