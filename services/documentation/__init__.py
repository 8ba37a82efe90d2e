"""What the platform says of itself over HTTP: the one OpenAPI document, and the page to browse it without a CDN."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bentoml._internal import server as bentoml_server
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from services import __version__
from services.directory import Directory
from services.documentation.openapi import Schema, document, extended

_HEALTH = to_json({"status": "ok", "version": __version__})  # of this process alone: it asks nobody
_NOT_KEPT = {"Cache-Control": "no-store"}
_STATIC = Path(__file__).parent / "static"
_SWAGGER = Path(bentoml_server.__file__).parent / "static_content"  # Swagger UI travels in BentoML's wheel


def documentation_routes(directory: Directory, more: Callable[[], Schema] | None = None) -> list[BaseRoute]:
    """`/openapi.json`, `/docs` and what the page loads, where `/` and BentoML's `/docs.json` lead; and `/health`.

    `more` describes what is no endpoint: paths and schemas.
    """
    made: dict[int, asyncio.Task[bytes]] = {}  # for the newest epoch alone

    def make() -> bytes:
        made = document(list(directory.endpoints.values()))
        return to_json(made if more is None else extended(made, more()))

    async def openapi(_: Request) -> Response:
        epoch = directory.epoch
        if epoch not in made:
            made.clear()
            made[epoch] = asyncio.create_task(asyncio.to_thread(make))
        return Response(await asyncio.shield(made[epoch]), media_type="application/json")

    async def health(_: Request) -> Response:
        return Response(_HEALTH, media_type="application/json", headers=_NOT_KEPT)

    async def docs(_: Request) -> Response:
        return FileResponse(_STATIC / "docs.html")

    async def to_docs(_: Request) -> Response:
        return RedirectResponse("/docs")

    async def to_openapi(_: Request) -> Response:
        return RedirectResponse("/openapi.json")

    return [
        Route("/openapi.json", openapi),
        Route("/health", health),
        Route("/docs", docs),
        Route("/docs.json", to_openapi),
        Route("/", to_docs),
        Mount("/docs/swagger", StaticFiles(directory=_SWAGGER)),
        Mount("/docs/page", StaticFiles(directory=_STATIC)),
    ]
