"""BentoML's own route of a guarded service: the same forms are read by the same reader, and nothing is fetched."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Annotated, Any

import bentoml
import httpx
import pytest
from annotated_types import Len
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from services import no_fetching
from services.guarded import GuardedService
from services.inference.images import ImageFile
from services.inference.methods import fields_of
from services.inference.typed import describe_routes, typed_handlers
from services.packaging.in_process import running
from tests.services.inference.pictures import CORNERS, scene, written

PNG = written(scene(), "PNG")


class Eyes:
    """Methods of images."""

    @bentoml.api(route="/one")  # type: ignore[untyped-decorator]
    def one(self, file: ImageFile, note: str = "") -> list[int]:
        """Look at one."""
        colour: list[int] = file.pixels(4, 4)[0, 0].tolist()
        return colour

    @bentoml.api(route="/some")  # type: ignore[untyped-decorator]
    def some(self, files: Annotated[list[ImageFile], Len(1, 3)], mask: ImageFile | None = None) -> int:
        """Count them."""
        return len(files)

    @bentoml.api(route="/bentomls")  # type: ignore[untyped-decorator]
    def bentomls(self, file: Path) -> int:
        """The size of any file, by BentoML's own type."""
        return file.stat().st_size

    @bentoml.api(route="/json")  # type: ignore[untyped-decorator]
    def json(self, number: int) -> int:
        """No images."""
        return number


SERVICE: Any = bentoml.service(name="eyes", service_class=GuardedService, metrics={"enabled": False})(Eyes)


def post(*requests: dict[str, Any], route: str = "/one") -> list[httpx.Response]:
    """Ask BentoML's own app, without our layers."""

    async def ask() -> list[httpx.Response]:
        async with running(SERVICE.to_asgi(is_main=False)) as client:
            return [await client.post(route, **request) for request in requests]

    return asyncio.run(ask())


@pytest.fixture
def web() -> Iterator[tuple[str, list[str]]]:
    """A server of pictures on this machine, and what was asked of it."""
    asked: list[str] = []

    class Pictures(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PNG)

    server = HTTPServer(("127.0.0.1", 0), Pictures)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/a.png", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_bentomls_own_route_takes_the_form_and_fetches_nothing(web: tuple[str, list[str]]) -> None:
    url, asked = web
    form = {"Content-Type": "multipart/form-data; boundary=B"}
    text = f'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n{url}\r\n--B--\r\n'
    answered, fetched, damaged = post(
        {"files": {"file": ("a.png", PNG)}}, {"content": text, "headers": form}, {"content": "--B", "headers": form}
    )
    assert answered.status_code == 200 and answered.json() == [*CORNERS[0]]
    assert (fetched.status_code, damaged.status_code, asked) == (400, 400, [])


def test_what_takes_files_by_bentomls_own_types_fetches_nothing_either() -> None:
    form = {"Content-Type": "multipart/form-data; boundary=B"}
    text = '--B\r\nContent-Disposition: form-data; name="file"\r\n\r\nhttp://example.invalid/a\r\n--B--\r\n'
    no_fetching.install()
    answered, fetched = post({"files": {"file": ("a.png", PNG)}}, {"content": text, "headers": form}, route="/bentomls")
    assert (answered.status_code, answered.json()) == (200, len(PNG))
    assert fetched.status_code == 400 and "Send a file, not its address." in fetched.text


def test_the_fields_of_a_form_are_those_of_the_input_model() -> None:
    one, some, json = (fields_of(SERVICE.apis[name].input_spec) for name in ("one", "some", "json"))
    assert (one.files, one.lists, one.texts) == (["file"], [], ["note"])
    assert (some.files, some.lists, some.texts) == (["mask"], ["files"], [])
    assert (json.files, json.lists) == ([], [])
    assert sorted(typed_handlers(SERVICE, Eyes())) == ["/json", "/one", "/some"]


def test_forms_are_described_as_openapi_has_them() -> None:
    routes = {route["path"]: route for route in describe_routes(SERVICE)}
    assert "files" not in routes["/json"]
    assert (routes["/some"]["files"], routes["/some"]["lists"]) == (["mask"], ["files"])
    file = routes["/one"]["input"]["properties"]["file"]
    assert (file["type"], file["format"]) == ("string", "binary")
    operation = SERVICE.openapi_spec["paths"]["/one"]["post"]
    assert list(operation["requestBody"]["content"]) == ["multipart/form-data"]


def test_an_image_file_is_made_of_files_and_never_of_text() -> None:
    read = TypeAdapter(ImageFile).validate_python
    import io

    assert read(UploadFile(io.BytesIO(PNG), filename="a.png")) == ImageFile("a.png", PNG)
    assert read(PNG) == ImageFile("", PNG)
    for value in ("http://127.0.0.1/", "/etc/passwd", 3, None, {"data": "x"}):
        with pytest.raises(ValidationError, match="Send an image as a file"):
            read(value)
