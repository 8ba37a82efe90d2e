"""The hub's own description: valid, complete, with examples that work, on a page that loads nothing from elsewhere."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx
from fastapi.openapi.models import OpenAPI

from tests.serving.callers import post, speak, status
from tests.serving.conftest import Server


def anonymous(hub: Server, path: str) -> httpx.Response:
    """GET without a key, not following anything."""
    return hub.client.get(path, headers={"X-API-Key": ""})


def operations(hub: Server) -> dict[str, Any]:
    """The endpoints' operations, by path."""
    paths = anonymous(hub, "/openapi.json").json()["paths"]
    return {path: item["post"] for path, item in paths.items() if path.startswith("/api/predict/")}


def test_the_document_is_openapi_3_1_and_lists_every_endpoint(hub: Server) -> None:
    document = anonymous(hub, "/openapi.json").json()

    assert OpenAPI.model_validate(document).openapi == "3.1.0"
    exported = {f"/api/predict/{line['endpoint']}" for line in hub.store.modelport("list", "-o", "json")}
    assert exported and operations(hub).keys() == exported


def test_every_example_works(hub: Server) -> None:
    hub.set_limit("wine", "1000000/minute")
    key = hub.store.new_key()["api_key"]
    for path, operation in operations(hub).items():
        content = operation["requestBody"]["content"]["application/json"]
        forms = [example for form in content["schema"]["anyOf"] for example in form["examples"]]
        for example in [content["example"], *forms]:
            hub.eventually(lambda: status(speak(hub.port, post(path, key, example))) == 200)  # noqa: B023


def test_other_names_lead_to_the_document_and_the_page(hub: Server) -> None:
    assert anonymous(hub, "/docs.json").headers["location"] == "/openapi.json"
    assert anonymous(hub, "/").headers["location"] == "/docs"


class Page(HTMLParser):
    """What a page loads, and whether any of its script or style stands in the page itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = tag
        self.loads += [str(given[name]) for name in ("src", "href") if name in given]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data)


def test_the_page_loads_everything_from_here_and_passes_its_own_policy(hub: Server) -> None:
    answer = anonymous(hub, "/docs")
    page = Page(answer.text)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))

    assert policy["default-src"] == "'none'" and "unsafe" not in str(policy)
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert not page.inline and len(page.loads) >= 4
    kinds = {".js": "javascript", ".css": "css", ".png": "image/png"}
    for address in page.loads:
        assert address.startswith("/docs/"), "from this very server"
        asset = anonymous(hub, address)
        assert asset.status_code == 200 and asset.content
        assert kinds[re.sub(r".*(?=\.)", "", address)] in asset.headers["content-type"]
