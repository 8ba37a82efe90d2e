"""Answers an unknown path before BentoML's app sees it, and names the route of a known one for log and metrics."""

from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.errors import NotFound
from services.request import UNMATCHED, context_of

HEALTH = {"/health": "/livez", "/ping": "/livez"}  # the names that other platforms probe


class Routes:
    """Raises NotFound (404) for what no route answers: one metric label, however many paths a scanner tries."""

    def __init__(self, app: ASGIApp, inner: Starlette) -> None:
        self.app = app
        self._paths, self._folders = routes_of(inner.router.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = context_of(scope)
            if context.route == UNMATCHED:
                path = HEALTH.get(context.path, context.path)
                context.route = self._route(path)
                scope = scope if path == context.path else {**scope, "path": path, "raw_path": path.encode()}
        await self.app(scope, receive, send)

    def _route(self, path: str) -> str:
        if path in self._paths:
            return path
        for folder in self._folders:
            if path.startswith(folder):
                return f"{folder}*"
        if path.startswith("/api/predict/"):
            raise NotFound("There is no such endpoint.")
        raise NotFound("Nothing answers at this address.")


def routes_of(routes: list[BaseRoute] | Any) -> tuple[set[str], list[str]]:
    """The exact paths of an app and the folders under which a mounted app serves files."""
    paths: set[str] = set()
    folders: list[str] = []
    for route in routes:
        if isinstance(route, Route):
            paths.add(route.path)
        elif isinstance(route, Mount):
            inner = getattr(route, "routes", None)
            if inner:
                found, deeper = routes_of(inner)
                paths.update(route.path + path for path in found)
                folders.extend(route.path + folder for folder in deeper)
            else:
                folders.append(f"{route.path}/")
    return paths, folders
