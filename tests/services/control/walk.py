"""Every address of the whole hub, found in its route tables, and a call of each that would be taken if it were allowed."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Mount

from tests.services.documentation.test_openapi import FLOW
from tests.services.middleware.conftest import Hub

FLOWS: dict[str, Any] = {
    "import_path": "service:Service",
    "signature": {
        "routes": [{"path": "/flows/port", "summary": "Port", "input": FLOW, "output": FLOW, "example": {"port": 1}}]
    },
}
PREDICTIONS = {"/api/predict/echo", "/api/predict/1", "/flows/port"}  # of the endpoints `echo` and `flows`


class Address(NamedTuple):
    """A method and a route, as its app declares it."""

    method: str
    route: str


def addresses(hub: Hub) -> set[Address]:
    """All of them; AssertionError when the document knows more than was found."""
    assert hub.bentoml_app is not None
    found = {Address("POST", path) for path in PREDICTIONS}
    found |= set(_of_app(hub.bentoml_app.router.routes)) | set(of_control(hub))
    missed = described(hub).keys() - found
    assert not missed, f"the walk misses {sorted(missed)}"
    return found


def of_control(hub: Hub) -> Iterator[Address]:
    """Those of the control plane, whose routers FastAPI may hide."""
    app: Any = hub.control.app
    for route in iter_route_contexts(app.routes):
        assert route.path_format is not None, route
        yield from (Address(method, route.path_format) for method in route.methods or ())


def _of_app(routes: list[BaseRoute] | Any, prefix: str = "") -> Iterator[Address]:
    """Those of a Starlette app, with one below each folder; HEAD goes with GET."""
    for route in routes:
        path = prefix + str(getattr(route, "path", ""))
        if isinstance(route, Mount):
            inner = getattr(route, "routes", None) or ()
            yield from _of_app(inner, path)
            yield from () if inner else [Address("GET", f"{path}/x")]
        else:
            methods = getattr(route, "methods", None) or {"GET", "POST"}
            yield from (Address(method, path) for method in methods - {"HEAD"})


def described(hub: Hub) -> dict[Address, Any]:
    """The operations of the hub's document, their references resolved."""
    made = hub.ask("GET", "/openapi.json", None).json()
    return {
        Address(method.upper(), path): _resolved(operation, made["components"]["schemas"])
        for path, item in made["paths"].items()
        for method, operation in item.items()
    }


def _resolved(node: Any, schemas: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_resolved(part, schemas) for part in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        return _resolved(schemas[reference.rpartition("/")[2]], schemas)
    return {name: _resolved(part, schemas) for name, part in node.items()}


class Walker:
    """Calls addresses with parameters and bodies that fit; each call comes from an address of its own."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._operations, self._calls = hub, described(hub), 0

    def call(self, address: Address, headers: dict[str, str]) -> httpx.Response:
        """One call. Nothing that is there is named in the path, so that no call hinders the next one."""
        operation = self._operations.get(address, {})
        path, query = address.route, {}
        for parameter in operation.get("parameters", ()):
            value = _sample(parameter["schema"])
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", str(value))
            elif parameter.get("required") and parameter["in"] == "query":
                query[parameter["name"]] = value
        content = operation.get("requestBody", {}).get("content", {})
        opens = address.route in self._hub.control.open  # what is sent there is judged itself: let it not fit
        answer: httpx.Response = self._hub.run(
            self._send(address.method, path, headers, query, {} if opens else content)
        )
        return answer

    async def _send(self, method: str, path: str, headers: Any, query: Any, content: Any) -> httpx.Response:
        self._calls += 1
        origin = f"198.{18 + self._calls // 62_500}.{self._calls // 250 % 250}.{self._calls % 250 + 1}"
        transport = httpx.ASGITransport(self._hub.app, client=(origin, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return await client.request(method, path, headers=headers, params=query, **_body(content))


def _body(content: dict[str, Any]) -> dict[str, Any]:
    """A request body as a client takes it."""
    for kind, media in content.items():
        value = media["example"] if "example" in media else _sample(media["schema"])
        if kind == "application/json":
            return {"json": value}
        if kind.startswith("multipart/"):
            texts = {name: text for name, text in value.items() if not isinstance(text, bytes)}
            files = {name: ("x", data) for name, data in value.items() if isinstance(data, bytes)}
            return {"data": {name: _text(one) for name, one in texts.items()}, "files": files or None}
        return {"content": b"x"}
    return {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _sample(schema: dict[str, Any]) -> Any:
    """A value that the schema takes, its example where it has one."""
    for given in ("example", "const", "default"):
        if given in schema:
            return schema[given]
    if examples := schema.get("examples") or schema.get("enum"):
        return examples[0]
    if options := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return _sample(options[0])
    if schema.get("type") == "object":
        return {name: _sample(schema["properties"][name]) for name in schema.get("required", ())}
    if schema.get("format") == "binary" or "contentMediaType" in schema:
        return b"x"
    samples: dict[str, Any] = {"integer": 999_999, "number": 1.5, "boolean": True, "array": []}
    return samples.get(schema.get("type", "string"), "nobodys")
