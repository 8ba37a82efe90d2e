"""Names where a call goes, for the layers inside, the log and the metrics: an endpoint, a route of the app, or neither."""

from collections.abc import Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, compile_path

from services.directory import Directory
from services.request import UNMATCHED, Header, RequestContext

_NO_STORE: Header = (b"cache-control", b"no-store")
HEALTH = {"/ping": "/livez"}  # the name that other platforms probe


class Routes:
    """Puts endpoint and route into the context; all paths that nothing answers share one route, however many there are."""

    def __init__(self, inner: Starlette, directory: Directory, control: Iterable[str] = ()) -> None:
        """`control` are the templates of the control plane, whose answers nobody may keep, nor that there is nothing."""
        self._directory = directory
        self._paths, self._folders = routes_of(inner.router.routes)
        self._control = frozenset(control)
        self._paths.update(self._control)
        self._templates = [(compile_path(path)[0], path) for path in sorted(self._paths) if "{" in path]

    def __call__(self, context: RequestContext) -> None:
        context.endpoint = self._directory.paths.get(context.path)
        context.route = self._route(context)
        if context.path in HEALTH:
            context.scope.update(path=context.route, raw_path=context.route.encode())
        elif context.route in self._control or context.route == UNMATCHED:
            context.headers.append(_NO_STORE)

    def _route(self, context: RequestContext) -> str:
        if context.endpoint is not None:
            return context.path if context.endpoint.import_path else context.endpoint.path
        path = HEALTH.get(context.path, context.path)
        if path in self._paths:
            return path
        for pattern, template in self._templates:
            if pattern.match(path):
                return template
        return next((f"{folder}*" for folder in self._folders if path.startswith(folder)), UNMATCHED)


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
