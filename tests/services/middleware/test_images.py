"""Forms with images through all the layers: what is right is answered, whatever else is the caller's fault."""

import gzip
from pathlib import Path
from typing import Annotated, Any

import bentoml
import pytest
from annotated_types import Len
from pydantic import BaseModel
from starlette.types import Message

from registry.errors import PlatformError
from services import worker
from services.directory import EndpointEntry
from services.inference.decoding import each_decoded
from services.inference.images import ImageFile
from services.inference.servable import Servable
from services.inference.typed import describe_routes, typed_handlers
from tests.services.inference.pictures import CORNERS, right, scene, written, wrong
from tests.services.middleware.conftest import Hub, load_echo, new_endpoint

ONE, MANY = "/predict/image", "/predict/images"
KIND = "multipart/form-data; boundary=B"
PNG = written(scene(), "PNG")


class Seen(BaseModel):
    """The colour in the upper left corner, or why there is none."""

    name: str
    colour: list[int] = []
    error: str | None = None
    note: str | None = None


class Eyes:
    """A service of images."""

    @bentoml.api(route=ONE)  # type: ignore[untyped-decorator]
    def one(self, file: ImageFile, loud: bool = False, note: str | None = None) -> Seen:
        """Look at one image."""
        return Seen(name=file.name.upper() if loud else file.name, colour=file.pixels(4, 4)[0, 0].tolist(), note=note)

    @bentoml.api(route=MANY)  # type: ignore[untyped-decorator]
    async def many(self, files: Annotated[list[ImageFile], Len(1, 32)]) -> list[Seen]:
        """Look at many, each by itself."""
        found = await each_decoded(files, 4, 4)
        return [
            Seen(name=file.name, error=pixels.code)
            if isinstance(pixels, PlatformError)
            else Seen(name=file.name, colour=pixels[0, 0].tolist())
            for file, pixels in zip(files, found, strict=True)
        ]


SERVICE: Any = bentoml.service(name="eyes")(Eyes)


@pytest.fixture
def registry(registry: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The registry with that service's endpoint."""

    def load(endpoint: EndpointEntry, link: object) -> Servable:
        if endpoint.name != "eyes":
            return load_echo(endpoint, link)
        return Servable(typed_handlers(SERVICE, Eyes()), endpoint.version, 1)

    monkeypatch.setattr(worker, "load_servable", load)
    new_endpoint("eyes", signature={"routes": describe_routes(SERVICE)}, import_path="s:E", rate_limit="1000000/minute")
    return registry


def part(name: str = "file", data: bytes = PNG, file_name: str | None = "a.png", *lines: str) -> bytes:
    """One part of a form; text where there is no file name."""
    called = "" if file_name is None else f'; filename="{file_name}"'
    head = "\r\n".join([f'Content-Disposition: form-data; name="{name}"{called}', *lines])
    return b"--B\r\n%s\r\n\r\n%s\r\n" % (head.encode(), data)


def form(*parts: bytes, end: bytes = b"--B--\r\n") -> bytes:
    """A body."""
    return b"".join(parts) + end


def send(hub: Hub, body: bytes, path: str = ONE, kind: str | None = KIND, **headers: str) -> Any:
    """Send a body as it is."""
    return hub.ask("POST", path, content=body, headers={**({"Content-Type": kind} if kind else {}), **headers})


def test_an_image_is_answered_with_text_beside_it(hub: Hub) -> None:
    assert send(hub, form(part())).json() == {"name": "a.png", "colour": [*CORNERS[0]], "error": None, "note": None}
    told = send(hub, form(part("loud", b"true", None), part(), part("note", "é".encode(), None))).json()
    assert (told["name"], told["note"]) == ("A.PNG", "é")
    assert send(hub, form(part())[:-2]).status_code == 200  # nothing needs the last line's end
    assert hub.ask("POST", ONE, files={"file": ("b.png", PNG)}).json()["name"] == "b.png"


def test_many_images_fail_each_by_itself(hub: Hub) -> None:
    good, bad = [data for _, data, _ in right()][:20], [(data, status) for _, data, status in wrong()][:12]
    files = [*good, *(data for data, _ in bad)]
    told = send(hub, form(*(part("files", data, f"{index}") for index, data in enumerate(files))), MANY).json()
    assert [one["name"] for one in told] == [str(index) for index in range(32)]
    assert [one["error"] for one in told[:20]] == [None] * 20 and all(one["colour"] for one in told[:20])
    codes = {400: "INVALID_INPUT", 413: "PAYLOAD_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}
    assert [one["error"] for one in told[20:]] == [codes[status] for _, status in bad]


FORMS: dict[str, tuple[bytes, int]] = {
    "no body": (b"", 400),
    "no part": (form(), 400),
    "no file": (form(part("note", b"x", None)), 400),
    "text for a file": (form(part(data=b"x", file_name=None)), 400),
    "a URL for a file": (form(part(data=b"http://127.0.0.1:1/a.png", file_name=None)), 400),
    "a quoted URL for a file": (form(part(data=b'"https://127.0.0.1:1/a.png"', file_name=None)), 400),
    "a path for a file": (form(part(data=b"/etc/passwd", file_name=None)), 400),
    "an image as text": (form(part(file_name=None)), 400),
    "a file for text": (form(part(), part("note", PNG)), 400),
    "two files": (form(part(), part()), 400),
    "a note twice": (form(part(), part("note", b"a", None), part("note", b"b", None)), 400),
    "another field": (form(part(), part("files")), 400),
    "a part without a name": (form(b"--B\r\nContent-Type: image/png\r\n\r\nx\r\n"), 400),
    "a part without a head": (form(b"--B\r\n\r\nx\r\n"), 400),
    "a name of no text": (form(part("\xff\x00")), 400),
    "text that is no UTF-8": (form(part(), part("note", b"\xff", None)), 400),
    "a long text": (form(part(), part("note", b"x" * 70_000, None)), 400),
    "no truth value": (form(part(), part("loud", b"maybe", None)), 400),
    "an empty truth value": (form(part(), part("loud", b"", None)), 400),
    "base64": (form(part("file", b"iVBORw0KGgo=", "a.png", "Content-Transfer-Encoding: base64")), 400),
    "quoted": (form(part("file", PNG, "a.png", "Content-Transfer-Encoding: quoted-printable")), 400),
    "a nested form": (form(part("file", form(part()), "a", "Content-Type: multipart/mixed; boundary=C")), 415),
    "cut off in the file": (form(part())[:60], 400),
    "cut off before its end": (form(part(), end=b""), 400),
    "another boundary": (form(part()).replace(b"--B", b"--C"), 400),
    "a head without an end": (b"--B\r\nContent-Disposition: form-data; name=file" + b"x" * 5000, 400),
    "many heads": (form(part("file", PNG, "a", *(f"X-{number}: y" for number in range(50)))), 400),
    "10,000 parts": (form(*[part("note", b"x", None)] * 10_000), 400),
    "10,000 files": (form(*[part()] * 2_000), 400),
    "JSON inside": (form(part("file", b"{}", "a.json", "Content-Type: application/json")), 415),
    "an empty file": (form(part(data=b"")), 400),
    "no file chosen in a browser": (form(part("file", b"", "", "Content-Type: application/octet-stream")), 400),
    "noise": (b"\x00\xff" * 500, 400),
}


def test_a_form_that_does_not_fit(hub: Hub) -> None:
    for what, (body, status) in FORMS.items():
        refused = send(hub, body)
        assert refused.status_code == status, (what, refused.text)
        assert {*refused.json()} == {"error", "request_id"} and {*refused.json()["error"]} == {
            "code",
            "message",
            "details",
        }


def test_text_and_files_are_told_apart_before_anything_is_validated(hub: Hub) -> None:
    for body, line in (
        (FORMS["a URL for a file"][0], "takes a file, no text"),
        (FORMS["a file for text"][0], "takes text"),
    ):
        assert line in send(hub, body).json()["error"]["message"]


@pytest.mark.parametrize("parts", [65, 10_000])
def test_there_is_an_end_to_parts_before_there_is_one_to_files(hub: Hub, parts: int) -> None:
    refused = send(hub, form(*[part("files", b"")] * parts), MANY)
    assert refused.status_code == 400 and refused.json()["error"]["details"] == {"max_parts": 64}
    assert "at most 32 items" in send(hub, form(*[part("files", b"")] * 33), MANY).json()["error"]["message"]


def test_what_is_no_form(hub: Hub) -> None:
    for kind in (
        None,
        "application/json",
        "image/png",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=B",
    ):
        assert send(hub, b'{"file": "http://127.0.0.1:1/a.png"}', kind=kind).status_code == 415, kind
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'B' * 5000}",
    ):
        assert send(hub, form(part()), kind=kind).status_code == 400, kind
    assert send(hub, gzip.compress(form(part())), **{"Content-Encoding": "gzip"}).status_code == 415
    assert hub.ask("GET", ONE).status_code == 405


def test_every_file_of_the_collection(hub: Hub) -> None:
    for what, data, status in [*((what, data, 200) for what, data, _ in right()), *wrong()]:
        answer = send(hub, form(part(data=data)))
        assert answer.status_code == status, (what, answer.text)


def refused_as_too_large(sent: list[Message], most: int) -> bool:
    """Whether that is a 413 that names the limit."""
    return sent[0]["status"] == 413 and b'"max_bytes":%d' % most in sent[1]["body"]


@pytest.mark.parametrize(("path", "most"), [(ONE, 10_065_536), (MANY, 50_065_536)])
def test_forms_with_images_may_be_larger_declared_or_not(hub: Hub, path: str, most: int) -> None:
    body: list[Message] = [{"type": "http.request", "body": b"x"}]
    assert refused_as_too_large(hub.raw(path, [*body], {"content-type": KIND, "content-length": str(most + 1)}), most)
    assert hub.raw(path, [*body], {"content-type": KIND, "content-length": str(most)})[0]["status"] == 400
    piece = b"--B\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n".replace(
        b"=file;", b"=files;" if path == MANY else b"=file;"
    )
    pieces: list[Message] = [{"type": "http.request", "body": piece, "more_body": True}]
    pieces += [{"type": "http.request", "body": bytes(1_000_000), "more_body": True} for _ in range(most // 1_000_000)]
    last: Message = {"type": "http.request", "body": bytes(100_000), "more_body": True}
    assert refused_as_too_large(hub.raw(path, [*pieces, last], {"content-type": KIND}), most)


def test_everything_else_keeps_its_limit(hub: Hub) -> None:
    body: list[Message] = [{"type": "http.request", "body": b"x"}]
    for path, kind in ((ONE, "application/json"), (MANY, "application/json"), ("/api/predict/echo", KIND)):
        sent = hub.raw(path, [*body], {"content-type": kind, "content-length": "1000001"})
        assert refused_as_too_large(sent, 1_000_000), path


def test_who_leaves_in_the_middle_is_told_nothing(hub: Hub) -> None:
    begun: list[Message] = [{"type": "http.request", "body": form(part())[:80], "more_body": True}]
    assert hub.raw(ONE, [*begun, {"type": "http.disconnect"}], {"content-type": KIND}) == []
