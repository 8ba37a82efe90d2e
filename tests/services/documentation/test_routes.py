"""The addresses of the documents: made anew when an endpoint changes, and once however many ask."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from services import __version__, documentation


class Known:
    """What the routes need of a worker's directory."""

    epoch = 1
    endpoints: dict[int, str] = {1: "churn"}  # noqa: RUF012


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A directory, and a document that only counts how often it was made."""
    made: list[Any] = []

    def document(entries: Any) -> dict[str, int]:
        made.append(entries)
        return {"made": len(made)}

    monkeypatch.setattr(documentation, "document", document)
    return Known()


def get(directory: Any, *paths: str) -> list[httpx.Response]:
    """The answers to GETs that are sent together."""

    async def ask() -> list[httpx.Response]:
        app = Starlette(routes=documentation.documentation_routes(directory))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
            first = await asyncio.gather(*(client.get(path) for path in paths))
            directory.epoch += 1
            return [*first, await client.get("/openapi.json")]

    return asyncio.run(ask())


def test_the_document_is_made_once_for_each_state_of_the_registry(known: Any) -> None:
    *same, after = get(known, *["/openapi.json"] * 20)

    assert {answer.json()["made"] for answer in same} == {1} and after.json()["made"] == 2
    assert after.headers["content-type"] == "application/json"


def test_other_names_lead_there(known: Any) -> None:
    to_page, to_document, page, *_ = get(known, "/", "/docs.json", "/docs")

    assert (to_page.headers["location"], to_document.headers["location"]) == ("/docs", "/openapi.json")
    assert page.headers["content-type"].startswith("text/html") and "<script>" not in page.text


def test_health_says_that_the_process_is_alive_and_which_version_it_is(known: Any) -> None:
    health, *_ = get(known, "/health")

    assert health.json() == {"status": "ok", "version": __version__}
    assert (health.headers["content-type"], health.headers["cache-control"]) == ("application/json", "no-store")
