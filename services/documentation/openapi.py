"""The one OpenAPI 3.1 document: every endpoint's typed schema with a working example, and hand-written routes."""

import json
import logging
from collections.abc import Sequence
from typing import Any

from services import __version__
from services.directory import EndpointEntry
from services.inference.schemas import IMAGE_SCHEMA, request_schema, response_schema
from services.inference.signature import Signature

log = logging.getLogger("modelport.documentation")

Schema = dict[str, Any]

JSON, MULTIPART = "application/json", "multipart/form-data"
ERRORS = {
    "400": "The body doesn't fit the endpoint's schema.",
    "401": "No API key or access token, or one that is wrong, revoked or expired.",
    "403": "The API key is not for this endpoint or use, the role does not permit it, or the endpoint is not active.",
    "404": "There is no such endpoint.",
    "405": "Only POST is answered here.",
    "413": "The body is too large, or an image has too many pixels.",
    "415": "The body is not what the endpoint reads.",
    "429": "The key's rate limit is used up; `Retry-After` says when to try again.",
    "500": "The model failed on this input.",
    "503": "The model is not loaded at present; try again later.",
}
_ERROR_SCHEMA: Schema = {
    "type": "object",
    "required": ["error", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "details": {"type": "object"}},
        },
        "request_id": {"type": "string"},
    },
}


def document(endpoints: Sequence[EndpointEntry]) -> Schema:
    """The document for these endpoints."""
    schemas: Schema = {}
    paths: Schema = {}
    for endpoint in sorted(endpoints, key=lambda entry: entry.id):
        try:
            operations = _operations(endpoint, schemas)
        except Exception as error:  # one endpoint that can't be described must not hide the others
            log.error("endpoint %s can't be described", endpoint.name, exc_info=error)
        else:
            paths = operations | paths  # where two claim a path, the older one answers there
    return _whole(dict(sorted(paths.items())), schemas)


def _operations(endpoint: EndpointEntry, schemas: Schema) -> Schema:
    if endpoint.import_path is None:
        return {endpoint.path: {"post": _model_operation(endpoint)}}
    routes = endpoint.signature["routes"]
    return {route["path"]: {"post": _service_operation(endpoint.name, route, schemas)} for route in routes}


def extended(made: Schema, more: Schema) -> Schema:
    """A document with the paths and schemas of what is no endpoint."""
    components = made["components"] | {"schemas": more["schemas"] | made["components"]["schemas"]}
    return made | {"paths": dict(sorted((more["paths"] | made["paths"]).items())), "components": components}


def service_document(name: str, routes: Sequence[Schema]) -> Schema:
    """The document of one BentoML service by itself."""
    schemas: Schema = {}
    return _whole({route["path"]: {"post": _service_operation(name, route, schemas)} for route in routes}, schemas)


def _whole(paths: Schema, schemas: Schema) -> Schema:
    paths = paths | {path: {"get": operation} for path, operation in _health().items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Modelport",
            "version": __version__,
            "description": "Every exported model as a REST API.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR_SCHEMA, **schemas}, "securitySchemes": _SECURITY},
        "security": [{"ApiKey": []}, {"Bearer": []}],
    }


_SECURITY: Schema = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}


def _model_operation(endpoint: EndpointEntry) -> Schema:
    signature = Signature.model_validate(endpoint.signature)
    summary = f"{signature.task.replace('_', ' ').capitalize()} by {endpoint.model}, version {endpoint.version}"
    request, response = request_schema(signature), response_schema(signature)
    if signature.image is not None:
        content = {MULTIPART: {"schema": IMAGE_SCHEMA}, JSON: {"schema": request}}
    else:
        content = {JSON: {"schema": request, "example": {"instances": [signature.example]}}}
    return _operation(endpoint.name, endpoint.name, summary, content, response)


def _service_operation(service: str, route: Schema, schemas: Schema) -> Schema:
    request, response = (_hoist(route[part], service, schemas) for part in ("input", "output"))
    name = f"{service}{route['path'].replace('/', '_')}"
    if "files" in route:
        return _operation(name, service, route["summary"], {MULTIPART: {"schema": request}}, response)
    content = {JSON: {"schema": request, "example": route["example"]}}
    return _operation(name, service, route["summary"], content, response)


def _hoist(schema: Schema, prefix: str, schemas: Schema) -> Schema:
    """Move a schema's `$defs` among the document's components, under names of their own."""
    text = json.dumps(schema).replace('"#/$defs/', f'"#/components/schemas/{prefix}.')
    hoisted: Schema = json.loads(text)
    for name, definition in hoisted.pop("$defs", {}).items():
        schemas[f"{prefix}.{name}"] = definition
    return hoisted


def _operation(name: str, tag: str, summary: str, content: Schema, response: Schema) -> Schema:
    answers: Schema = {"200": {"description": "The answer.", "content": {JSON: {"schema": response}}}}
    for status, meaning in ERRORS.items():
        error = {"schema": {"$ref": "#/components/schemas/Error"}}
        answers[status] = {"description": meaning, "content": {JSON: error}}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": answers,
    }


def _health() -> Schema:
    answers = {"200": {"description": "Yes."}, "503": {"description": "Not now."}}
    meanings = {"/livez": "Is the process alive?", "/readyz": "Does it take requests?"}
    probes = {
        path: {"operationId": path[1:], "tags": ["health"], "summary": summary, "security": [], "responses": answers}
        for path, summary in meanings.items()
    }
    told = {"200": {"description": "Yes.", "content": {"application/json": {"schema": _HEALTH_SCHEMA}}}}
    asked = {"operationId": "health", "tags": ["health"], "summary": "Is it alive, and which version is it?"}
    return probes | {"/health": {**asked, "security": [], "responses": told}}


_HEALTH_SCHEMA: Schema = {
    "type": "object",
    "required": ["status", "version"],
    "properties": {"status": {"const": "ok"}, "version": {"type": "string"}},
    "examples": [{"status": "ok", "version": __version__}],
}
